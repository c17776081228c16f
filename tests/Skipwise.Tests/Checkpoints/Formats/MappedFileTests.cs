using Skipwise.Checkpoints.Formats;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Data;
using Skipwise.Training;
using Skipwise.Training.Optimizers;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Checkpoints.Formats;

/// <summary>Memory-mapped weights. Reading them instead is what every other test of the formats checks.</summary>
public sealed class MappedFileTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public MappedFileTests() => Assert.SkipUnless(OperatingSystem.IsLinux(), "files are mapped on Unix; /proc shows which");

    public void Dispose() => _temp.Dispose();

    [Theory]
    [InlineData("llama-none"), InlineData("formats/single-safetensors-bf16")]
    public void A_mapped_tensor_holds_what_reading_finds_even_after_the_file_is_closed_and_deleted(string fixture)
    {
        using var scope = NewDisposeScope();
        string path = Path.Combine(Aligned(fixture), WeightFiles.SingleName);
        var pairs = new List<(string Name, Tensor Mapped, Tensor Read)>();
        using (SafetensorsFile file = SafetensorsFile.Open(path))
        {
            pairs.AddRange(file.Tensors.Values.Select(entry => (entry.Name, file.Map(entry)!, file.Read(entry))));
            // each place is lent once, so that no two tensors share it
            Assert.All(file.Tensors.Values, entry => Assert.Null(file.Map(entry)));
        }
        File.Delete(path);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        Assert.NotEmpty(pairs);
        Assert.All(pairs, pair => Assert.True(pair.Mapped.dtype == pair.Read.dtype && pair.Mapped.Equals(pair.Read), pair.Name));
    }

    [Fact]
    public void Tensors_that_are_not_aligned_are_left_to_reading()
    {
        const string header =
            """{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"none":{"dtype":"F32","shape":[0],"data_offsets":[8,8]}}""";
        string aligned = _temp.Write("aligned", RawSafetensors.File(header.PadRight(120), 8)),
            not = _temp.Write("not", RawSafetensors.File(header.PadRight(128), 8));
        using SafetensorsFile first = SafetensorsFile.Open(aligned), second = SafetensorsFile.Open(not);
        using Tensor? mapped = first.Map(first.Tensors["x"]);
        Assert.NotNull(mapped);
        Assert.Null(second.Map(second.Tensors["x"]));
        Assert.Null(first.Map(first.Tensors["none"]));
    }

    [Theory]
    [InlineData(false), InlineData(true)]
    public void A_file_that_has_become_shorter_is_an_error_and_not_the_end_of_the_process(bool isMapped)
    {
        string path =
            _temp.Write("cut",
                RawSafetensors.File(
                    """{"a":{"dtype":"F32","shape":[16],"data_offsets":[0,64]},"b":{"dtype":"F32","shape":[40000],"data_offsets":[64,160064]}}""".PadRight(120), 160064));
        using SafetensorsFile file = SafetensorsFile.Open(path);
        using Tensor? before = isMapped ? file.Map(file.Tensors["a"]) : null;
        using (FileStream writer = new(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
        {
            writer.SetLength(5000);
        }
        SkipwiseException error = Assert.Throws<SkipwiseException>(() => file.Map(file.Tensors["b"]));
        Assert.StartsWith($"{path}: tensor b: ", error.Message, StringComparison.Ordinal);
        Assert.Contains("became shorter", error.Message);
    }

    [Theory]
    [InlineData("llama-none"), InlineData("baichuan2-none")]
    public void Training_leaves_the_file_as_it_is_and_the_model_can_be_saved_over_it(string fixture)
    {
        string folder = Aligned(fixture), path = Path.Combine(folder, WeightFiles.SingleName);
        byte[] bytes = File.ReadAllBytes(path);
        using (PretrainedModel pretrained = PretrainedModel.Load(new ModelSource(folder)))
        {
            Assert.True(IsMapped(path));
            using (var optimizer = new FusedAdamW(pretrained.Model, new AdamWOptions()))
            {
                using var scope = NewDisposeScope();
                Tensor ids = arange(20L).view(2, 10);
                using Batch batch = TensorBatch.Of(ids, ids, ids);
                CausalLoss.Backward(pretrained.Model, batch, 18);
                optimizer.ClipAndStep(1e-3, maxGradNorm: 1);
            }
            Assert.Equal(bytes, File.ReadAllBytes(path));
            pretrained.Save(folder);
            using PretrainedModel saved = PretrainedModel.Load(new ModelSource(folder));
            Assert.All(pretrained.Model.named_parameters().Zip(saved.Model.named_parameters()),
                pair => Assert.True(pair.First.parameter.Equals(pair.Second.parameter), pair.First.name));
            Assert.NotEqual(bytes, File.ReadAllBytes(path));
        }
        Assert.False(IsMapped(path));
    }

    [Fact]
    public void Weights_that_are_read_again_keep_their_memory_which_an_optimizer_knows()
    {
        using var scope = NewDisposeScope();
        using PretrainedModel pretrained = PretrainedModel.Load(new ModelSource(Aligned("llama-none")));
        Tensor[] before = [.. pretrained.Model.parameters().Select(parameter => parameter.detach())];
        pretrained.ReadWeights(Fixture.Path("llama-none"));
        using (no_grad())
        {
            foreach (Tensor parameter in before)
            {
                parameter.zero_();
            }
        }
        Assert.All(pretrained.Model.parameters(), parameter => Assert.Equal(0, parameter.abs().max().ToDouble()));
    }

    /// <summary>The fixture as Skipwise writes it: with its tensors where they may be mapped.</summary>
    private string Aligned(string fixture)
    {
        using PretrainedModel pretrained = PretrainedModel.Load(new ModelSource(Fixture.Path(fixture)));
        pretrained.Save(_temp["model"]);
        return _temp["model"];
    }

    private static bool IsMapped(string path) =>
        File.ReadLines("/proc/self/maps").Any(line => line.Contains(path, StringComparison.Ordinal));
}
