using Skipwise.Checkpoints.Formats;

namespace Skipwise.Tests.Checkpoints.Formats;

/// <summary><c>SKIPWISE_MAP=0</c>: weights are read, not memory-mapped. The variable is the process's, so nothing else runs
/// meanwhile.</summary>
[Collection(nameof(AloneInTheProcess))]
public sealed class UnmappedFileTests : IDisposable
{
    private const string Variable = "SKIPWISE_MAP";
    private readonly string? _before = Environment.GetEnvironmentVariable(Variable);
    private readonly TempFolder _temp = new();

    public void Dispose()
    {
        Environment.SetEnvironmentVariable(Variable, _before);
        _temp.Dispose();
    }

    [Theory]
    [InlineData("0", false), InlineData("1", true), InlineData(null, true)]
    public void A_variable_switches_mapping_off(string? value, bool isMapped)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "files are mapped on Unix");
        Environment.SetEnvironmentVariable(Variable, value);
        const string header = """{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""";
        using SafetensorsFile file = SafetensorsFile.Open(_temp.Write("file", RawSafetensors.File(header.PadRight(120), 8)));
        using TorchSharp.torch.Tensor? tensor = file.Map(file.Tensors["x"]);
        Assert.Equal(isMapped, tensor is not null);
    }
}
