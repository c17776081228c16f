using System.Diagnostics;

namespace Skipwise.Tests.Runtime;

/// <summary>libtorch is loaded once per process, so each case is a process of its own: the tool, verifying a fixture.</summary>
public sealed class TorchBootTests
{
    [Fact]
    public void The_packaged_libtorch_starts() => Assert.Equal((0, ""), Verify(libtorch: null));

    [Fact]
    public void The_libtorch_of_another_folder_starts()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "SKIPWISE_LIBTORCH is read on Linux");
        string packaged = Path.Combine(AppContext.BaseDirectory, "runtimes", "linux-x64", "native");
        Assert.Equal((0, ""), Verify(packaged));
    }

    [Fact]
    public void A_folder_without_libtorch_is_an_error_that_says_where_to_find_it()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "SKIPWISE_LIBTORCH is read on Linux");
        using var folder = new TempFolder();
        (int code, string error) = Verify(folder.Path);
        Assert.Equal(1, code);
        Assert.Contains($"SKIPWISE_LIBTORCH={folder.Path}", error);
        Assert.Contains("no libtorch_cpu.so", error);
        Assert.Contains("torch.__file__", error);
        Assert.DoesNotContain("   at ", error);
    }

    [Fact]
    public void A_damaged_libtorch_is_an_error_that_names_the_folder()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "SKIPWISE_LIBTORCH is read on Linux");
        using var folder = new TempFolder();
        foreach (string name in (string[])["libc10.so", "libtorch_cpu.so"])
        {
            File.WriteAllText(Path.Combine(folder.Path, name), "not a library");
        }
        (int code, string error) = Verify(folder.Path);
        Assert.Equal(1, code);
        Assert.Contains($"SKIPWISE_LIBTORCH={folder.Path}", error);
        Assert.DoesNotContain("   at ", error);
    }

    private static (int Code, string Error) Verify(string? libtorch)
    {
        string fixture = Fixture.Path("llama-none");
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "skipwise.dll"), "verify", "--model", fixture, "--reference", Path.Combine(fixture, "reference.safetensors")])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["SKIPWISE_LIBTORCH"] = libtorch ?? "";
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(); // both pipes are drained, or a full one would block the tool
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        _ = output.Result;
        return (process.ExitCode, error.Trim());
    }
}
