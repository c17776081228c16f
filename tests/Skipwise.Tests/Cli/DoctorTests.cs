using System.Text.Json;
using Skipwise.Runtime;

namespace Skipwise.Tests.Cli;

/// <summary>What a bug report needs.</summary>
public class DoctorTests
{
    [Fact]
    public async Task The_machine_is_described()
    {
        string output = (await CliRun.Of("doctor")).Succeeded().Output;
        Assert.Matches(@"\nprocessor +\S.*, " + Environment.ProcessorCount + " cores\n", output);
        Assert.Matches(@"\nlibtorch +2\.10, \d+ threads\n", output);
        Assert.Matches(@"\n  from +/?.*torch_cpu", output);
        Assert.Matches(@"\nmemory +\d+\.\d GiB", output);
        Assert.Matches(@"\ndisk +\d+\.\d GiB free for ", output);
        Assert.Matches(@"\nkernels cpu float32 +\w+Kernels", output);
        Assert.Matches(@"\nGPU +\S", output);
        Assert.Matches(@"\nMPI +\S", output);
        Assert.All(TorchRuntime.Status, patch => Assert.Contains($"patch {patch.Name}", output, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Programs_get_the_same()
    {
        using JsonDocument report = JsonDocument.Parse((await CliRun.Of("doctor", "--json")).Succeeded().Output);
        Assert.Equal(Environment.ProcessorCount, report.RootElement.GetProperty("cores").GetInt32());
        string file = report.RootElement.GetProperty("libtorch").GetProperty("path").GetString()!;
        Assert.True(File.Exists(file), file);
        Assert.InRange(report.RootElement.GetProperty("memory").GetInt64(), 1L << 28, 1L << 50);
        Assert.Equal(TorchRuntime.Status.Count, report.RootElement.GetProperty("patches").GetArrayLength());
    }

    /// <summary>A process of its own: libtorch is loaded once.</summary>
    [Fact]
    public void A_libtorch_that_cannot_be_used_is_the_report_and_a_failed_check()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "SKIPWISE_LIBTORCH is read on Linux");
        using var folder = new TempFolder();
        System.Diagnostics.ProcessStartInfo start = ToolProcess.Start("doctor");
        start.Environment["SKIPWISE_LIBTORCH"] = folder.Path;
        (int code, string output, string error) = ChildProcess.Run(start);
        Assert.True(code == 3, error);
        Assert.Contains("there is no libtorch_cpu.so in it", output, StringComparison.Ordinal);
        Assert.Matches(@"\nSKIPWISE_LIBTORCH +" + folder.Path, output);
    }
}
