using Skipwise.Runtime;
using TorchSharp;

namespace Skipwise.Tests.Runtime;

public class ComputeOptionsTests
{
    [Theory]
    [InlineData(null, 0, "cpu"), InlineData(null, 2, "cuda:0"), InlineData("cpu", 2, "cpu"), InlineData("cuda", 1, "cuda:0"),
        InlineData("cuda:1", 2, "cuda:1")]
    public void A_device_is_found_by_its_name(string? name, int gpus, string expected)
    {
        var (wanted, found) = (new torch.Device(expected), ComputeOptions.ResolveDevice(name, gpus));
        Assert.Equal((wanted.type, Math.Max(0, wanted.index)), (found.type, Math.Max(0, found.index)));
    }

    [Theory]
    [InlineData("cuda", 0, "SKIPWISE_LIBTORCH"), InlineData("cuda:2", 2, "cuda:0 to cuda:1"), InlineData("gpu", 1, "cpu, cuda or cuda:n"),
        InlineData("cuda:", 1, "cuda:n"),
     InlineData("cuda:-1", 1, "cuda:n"), InlineData("cpu:1", 1, "cuda:n"), InlineData("meta", 1, "cuda:n")]
    public void A_device_that_is_not_there_is_an_error_with_a_remedy(string name, int gpus, string hint) =>
        Assert.Contains(hint, Assert.Throws<SkipwiseException>(() => ComputeOptions.ResolveDevice(name, gpus)).Message,
            StringComparison.Ordinal);

    [Fact]
    public void Slow_types_are_told_of()
    {
        Assert.Null(ComputeOptions.Warning(Precision.Float32, computesBfloat16: false));
        Assert.Null(ComputeOptions.Warning(Precision.Bfloat16, computesBfloat16: true));
        Assert.Contains("AVX512-BF16", ComputeOptions.Warning(Precision.Bfloat16, computesBfloat16: false), StringComparison.Ordinal);
        Assert.Contains("GPUs", ComputeOptions.Warning(Precision.Float16, computesBfloat16: true), StringComparison.Ordinal);
    }

    [Fact]
    public void The_processor_is_asked_right()
    {
        if (!System.Runtime.Intrinsics.X86.X86Base.IsSupported || !File.Exists("/proc/cpuinfo"))
        {
            Assert.Skip("no x86 Linux");
        }
        string[] flags = File.ReadLines("/proc/cpuinfo").First(line => line.StartsWith("flags", StringComparison.Ordinal)).Split(' ');
        Assert.Equal(flags.Contains("avx512_bf16") || flags.Contains("amx_bf16"), ComputeOptions.ComputesBfloat16);
    }

    [Fact]
    public void Everything_on_the_CPU_needs_no_GPU() =>
        Assert.Equal((torch.CPU.type, torch.ScalarType.BFloat16),
            (new ComputeOptions { Device = "cpu", Dtype = Precision.Bfloat16, Tf32 = true }.Prepare() is var (device, dtype)
                ? (device.type, dtype)
                : default));
}
