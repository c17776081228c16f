using Skipwise.Runtime;

namespace Skipwise.Tests.Runtime;

public sealed class NativeImageTests
{
    /// <summary>Debian 11: a shared library of TorchSharp's asks for symbols that its C library does not have.</summary>
    [Fact]
    public void An_older_system_is_told_what_it_lacks()
    {
        string told = NativeImage.Refusal("libLibTorchSharp.so", new(2, 31), new("no such version")).Message;
        Assert.Contains("libLibTorchSharp.so: needs glibc 2.34; this system has 2.31", told);
        Assert.Contains("Debian 12", told);
    }

    [Theory]
    [InlineData("2.36"), InlineData(null)]
    public void Any_other_refusal_is_the_loader_s(string? glibc) =>
        Assert.Equal(
            "a.so: does not load: no such version. Install the library that it names, or Skipwise anew.",
            NativeImage.Refusal("a.so", glibc is null ? null : Version.Parse(glibc), new("no such version")).Message);

    [Fact]
    public void A_file_that_is_no_library_is_named()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only Linux loads libraries by hand.");
        using var folder = new TempFolder();
        string path = folder["libLibTorchSharp.so"];
        File.WriteAllText(path, "no library");
        Assert.Contains(path, Assert.Throws<SkipwiseException>(() => NativeImage.Load(path, isAllowed: true)).Message);
    }
}
