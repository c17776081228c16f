using System.Diagnostics;
using System.IO.Compression;
using System.Runtime.InteropServices;
using Skipwise.Runtime;

namespace Skipwise.Tests.Runtime;

/// <summary>libtorch is loaded once per process, so each case is a process of its own: the tool, verifying a fixture.</summary>
public sealed class TorchRuntimeTests
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

    [Fact]
    public void A_libtorch_of_another_version_is_refused_by_name()
    {
        Assert.SkipUnless(IsLinuxX64, "the stand-in is a library for Linux on x86-64");
        using var folder = new TempFolder();
        WriteStandIn(Path.Combine(folder.Path, "libc10.so"));
        WriteStandIn(Path.Combine(folder.Path, "libtorch_cpu.so"));
        (int code, string error) = Verify(folder.Path);
        Assert.Equal(1, code);
        Assert.Contains($"SKIPWISE_LIBTORCH={folder.Path} holds libtorch 2.11; Skipwise needs 2.10.x", error);
        Assert.Contains("torch==2.10.*", error);
        Assert.DoesNotContain("   at ", error);
    }

    [Fact]
    public void A_libtorch_too_old_to_tell_its_version_is_refused()
    {
        Assert.SkipUnless(IsLinuxX64, "the packaged library stands in for an old one");
        // loads, and has no version to tell
        string packaged = Path.Combine(AppContext.BaseDirectory, "runtimes", "linux-x64", "native", "libc10.so");
        using var folder = new TempFolder();
        File.Copy(packaged, Path.Combine(folder.Path, "libc10.so"));
        File.Copy(packaged, Path.Combine(folder.Path, "libtorch_cpu.so"));
        (int code, string error) = Verify(folder.Path);
        Assert.Equal(1, code);
        Assert.Contains($"SKIPWISE_LIBTORCH={folder.Path} holds a version too old to report its number", error);
    }

    [Fact]
    public void A_libtorch_of_another_version_that_lacks_functions_is_refused_even_if_forced()
    {
        Assert.SkipUnless(IsLinuxX64, "the stand-in is a library for Linux on x86-64");
        using var folder = new TempFolder();
        WriteStandIn(Path.Combine(folder.Path, "libc10.so"));
        WriteStandIn(Path.Combine(folder.Path, "libtorch_cpu.so"));
        (int code, string error) = Verify(folder.Path, force: "1");
        Assert.Equal(1, code);
        Assert.Matches(@"libtorch 2\.11, which lacks \d{4} of the functions that TorchSharp calls: .*::.*; \.\.\.\. Install", error);
        Assert.DoesNotContain("   at ", error);
    }

    [Fact]
    public void The_packaged_libtorch_has_all_that_TorchSharp_asks_for()
    {
        Assert.SkipUnless(IsLinuxX64, "a library for Linux on x86-64 is read");
        string packaged = Path.Combine(AppContext.BaseDirectory, "runtimes", "linux-x64", "native");
        byte[] wrapper = File.ReadAllBytes(Path.Combine(packaged, "libLibTorchSharp.so"));
        nint torch = NativeLibrary.Load(Path.Combine(packaged, "libtorch.so"));
        Assert.InRange(LibtorchSymbols.Undefined(wrapper).Count, 1000, 10_000);
        Assert.Empty(LibtorchSymbols.Missing(wrapper, [torch]));
        Assert.Contains("at::_ops::mm::call(at::Tensor const&, at::Tensor const&)", LibtorchSymbols.Missing(wrapper, []));
    }

    private static bool IsLinuxX64 => OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64;

    private static void WriteStandIn(string path)
    {
        using var packed = new GZipStream(new MemoryStream(Convert.FromBase64String(Libtorch211)), CompressionMode.Decompress);
        using FileStream file = File.Create(path);
        packed.CopyTo(file);
    }

    // An ELF library of one function: uint64 aoti_torch_abi_version() { return 2 << 56 | 11 << 48; }
    // (gcc -shared -nostdlib -Os -s -fno-asynchronous-unwind-tables), compressed.
    private const string Libtorch211 =
        "H4sIAAAAAAACA+2YvU7DMBSFb5K2CnQoIIYyUaaCEFZSMaAOCKn8DQyFiS1y2qBkSFIlBtGJV+ERGLsiFh6Dhfcgba+pYxoVJBCLPyk5uk6u7cTTOQ8nF6e6" +
        "pgHHgEOYVQBHqIMVcewAytl9CczJu2Uo5lXLK+A847KSXd3atO5u5vUJ8sr79B/2maiX76xfge/DP/cq6yv9YD1NUF2oFzF+bw1KMMKGZf6AxixwWJz0fIe6" +
        "gXPnJWkQRzCqZrOfP79ZL6BQKBQKhUKhUCgUin+ghHqNPo5740esuQcdSD6vjlqV6r/mrNNpN7aPPTegUcNukRax9uz93b7n2q1beweHAEjqpyxh1AXi09QH" +
        "0h9G6TCcKkuAMO+eAfF85yahoTcZp2HQA9KLw9CL2C/tt4r/VJf+M9d1mOUEov/n57KKc+jSOXC1PnOQqSc3pfPYwGe6dK5c63N8vciWkH2M4X7/i+8v6G8K" +
        "2cLcfEXClGob1zZAyjNq+RzDkPp5HtLG9a2CwKRZsH9RjTn7bGJ/Z8H3fwA+2xN+sBIAAA==";

    private static (int Code, string Error) Verify(string? libtorch, string force = "")
    {
        string fixture = Fixture.Path("llama-none");
        var start = new ProcessStartInfo("dotnet",
            [Path.Combine(AppContext.BaseDirectory, "skipwise.dll"), "verify", "--model", fixture, "--reference",
                Path.Combine(fixture, "reference.safetensors")]);
        start.Environment["SKIPWISE_LIBTORCH"] = libtorch ?? "";
        start.Environment["SKIPWISE_LIBTORCH_FORCE"] = force;
        (int code, _, string error) = ChildProcess.Run(start);
        return (code, error.Trim());
    }
}
