using Skipwise.Checkpoints.Formats;
using Skipwise.Runs;
using Skipwise.Storage;
using static TorchSharp.torch;

namespace Skipwise.Tests.Runs;

/// <summary>Which files of a checkpoint hold the state, and what is refused before anything is read.</summary>
public sealed class StateFilesTests : IDisposable
{
    private const string First = "training-00001-of-00002.safetensors", Second = "training-00002-of-00002.safetensors";
    private readonly TempFolder _temp = new();
    private readonly string _folder;

    public StateFilesTests()
    {
        _folder = _temp["step-000001"];
        Directory.CreateDirectory(_folder);
    }

    public void Dispose() => _temp.Dispose();

    [Theory]
    [InlineData(true), InlineData(false)]
    public void Files_of_other_names_do_not_count(bool hasManifest)
    {
        Write(First, [4], 0, 1, 2, 3);
        Write(Second, [2], 4, 5);
        if (hasManifest)
        {
            FolderManifest.Create(_folder, "checkpoint").Write(_folder);
            Write("training.safetensors", [6], 9, 9, 9, 9, 9, 9); // a stray file, which no list has
        }
        foreach (string foreign in (string[])["training-00001-of-00002 (copy).safetensors", "training-1-of-7.safetensors",
            "training-00003-of-00002.safetensors", "training-of-me.safetensors", "training-.safetensors"])
        {
            File.WriteAllText(Path.Combine(_folder, foreign), "notes");
        }
        Assert.True(StateFiles.AreIn(_folder));
        Assert.Equal([1, 2, 3, 4], Read([2, 3], start: 1, count: 4));
    }

    [Fact]
    public void Files_of_two_jobs_are_refused_by_name()
    {
        Write(First, [2], 0, 1);
        Write(Second, [2], 2, 3);
        Write("training-00002-of-00003.safetensors", [2], 2, 3);
        string error = Assert.Throws<SkipwiseException>(() => StateFiles.Open(_folder)).Message;
        Assert.Equal($"{_folder}: {First} and training-00002-of-00003.safetensors are of different jobs. "
            + "Move the file away that is not of this checkpoint", error);
    }

    [Fact]
    public void A_part_that_is_missing_is_named_with_the_remedy()
    {
        Write(Second, [2], 2, 3);
        string error = Assert.Throws<SkipwiseException>(() => StateFiles.Open(_folder)).Message;
        Assert.Equal($"{Path.Combine(_folder, First)}: is missing. Delete {_folder} to resume from the checkpoint before it", error);
    }

    /// <summary>Nothing is written of a tensor of another model, not even what would fit.</summary>
    [Theory]
    [InlineData(new[] { StateFiles.Name }, new long[] { 3, 2 }, "has shape [2, 3] there")]
    [InlineData(new[] { First, Second }, new long[] { 2, 4 }, "has 12 elements there")]
    [InlineData(new[] { First, Second }, new long[] { 2, 7 }, "has 12 elements there")]
    public void A_tensor_of_another_shape_is_refused_before_it_is_read(string[] names, long[] shape, string expected)
    {
        foreach (string name in names)
        {
            Write(name, [2, 3], 1, 2, 3, 4, 5, 6);
        }
        using StateFiles files = StateFiles.Open(_folder);
        using Tensor destination = zeros(4);
        string error = Assert.Throws<SkipwiseException>(() => files.Read("w", shape, 0, destination)).Message;
        Assert.Contains(expected, error, StringComparison.Ordinal);
        Assert.Equal([0, 0, 0, 0], destination.data<float>().ToArray());
        Assert.Contains("is missing", Assert.Throws<SkipwiseException>(() => files.Read("v", [1], 0, destination)).Message,
            StringComparison.Ordinal);
    }

    private void Write(string name, long[] shape, params float[] values)
    {
        using Tensor value = tensor(values).view(shape);
        SafetensorsWriter.Write(Path.Combine(_folder, name), [new OutputTensor("w", shape, [value], value.dtype)]);
    }

    private float[] Read(long[] shape, long start, int count)
    {
        using StateFiles files = StateFiles.Open(_folder);
        using Tensor destination = zeros(count);
        files.Read("w", shape, start, destination);
        return destination.data<float>().ToArray();
    }
}
