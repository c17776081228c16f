using System.Runtime.InteropServices;
using System.Text.Json;
using Skipwise.Storage;

namespace Skipwise.Tests.Storage;

public sealed class InputFileTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public void A_pipe_is_refused_and_not_waited_for()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the kind of a file is asked of Linux");
        string pipe = Pipe.Create(_temp["a.txt"]), link = _temp["b.txt"];
        File.CreateSymbolicLink(link, pipe);
        foreach (string path in (string[])[pipe, link])
        {
            Assert.Equal($"{path}: is a pipe, where a file was expected. Write what it gives into a file first",
                Assert.Throws<SkipwiseException>(() => InputFile.Open(path)).Message);
            Assert.Throws<SkipwiseException>(() => InputFile.OpenHandle(path));
            Assert.Throws<SkipwiseException>(() => InputFile.ReadBytes(path));
            Assert.Throws<SkipwiseException>(() => InputFile.ReadText(path));
        }
    }

    [Fact]
    public void A_device_is_refused_also_behind_a_link()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the kind of a file is asked of Linux");
        string link = _temp["a.txt"];
        File.CreateSymbolicLink(link, "/dev/zero");
        Assert.Contains($"{link}: is a device", Assert.Throws<SkipwiseException>(() => InputFile.ReadBytes(link)).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("a\0b")]
    public void What_names_no_file_is_refused(string path) =>
        Assert.Contains("names no file", Assert.Throws<SkipwiseException>(() => InputFile.Open(path)).Message, StringComparison.Ordinal);

    [Fact]
    public void Text_is_strict_utf8_with_or_without_its_mark()
    {
        Assert.Equal("é\n", InputFile.ReadText(_temp.Write("marked", [0xEF, 0xBB, 0xBF, 0xC3, 0xA9, 0x0A])));
        Assert.Equal("é\n", InputFile.ReadText(_temp.Write("plain", [0xC3, 0xA9, 0x0A])));
        string broken = _temp.Write("broken", [0x61, 0xFF, 0x62]);
        Assert.Contains($"{broken}: not UTF-8: line 1, byte 1: FF",
            Assert.Throws<SkipwiseException>(() => InputFile.ReadText(broken)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_missing_comes_with_the_remedy() =>
        Assert.EndsWith(". Look elsewhere",
            Assert.Throws<SkipwiseException>(() => InputFile.ReadText(_temp["nothing"], remedy: "Look elsewhere")).Message,
            StringComparison.Ordinal);

    [Theory]
    [InlineData("""{"a":"\ud800"}""")]
    [InlineData("""{"\uDFFF":1}""")]
    [InlineData("""["\ud83d\ud83d\ude00"]""")]
    [InlineData("""["\ude00\ud83d"]""")]
    [InlineData("""["\ud83dx"]""")]
    [InlineData("""["\\\ud83d"]""")]
    public void Half_a_surrogate_pair_is_no_json(string json) =>
        Assert.Contains("half of a surrogate pair", Assert.Throws<JsonException>(() => JsonText.RequireUnicode(json)).Message,
        StringComparison.Ordinal);

    [Theory]
    [InlineData("""["\ud83d\ude00 \u00e9 \n \\ud800 \\"]""")]
    [InlineData("""["\\\\ud800"]""")]
    [InlineData("\\")]
    [InlineData("\\u12")]
    [InlineData("")]
    public void What_is_none_passes(string json) => JsonText.RequireUnicode(json);

    /// <summary>A null is no item of a list, wherever the list stands; it may be a member of an object beside or inside of one.</summary>
    [Theory]
    [InlineData("""{"a": [null]}""", false), InlineData("""{"a": {"b": null}, "c": [[1, null]]}""", false)]
    [InlineData("""{"a": [{"b": 1}, null]}""", false), InlineData("""{"a": [{}, [], null]}""", false)]
    [InlineData("""{"a": [1], "b": null}""", true), InlineData("""{"a": [[1], [{"b": [], "c": null}]], "d": null}""", true)]
    public void A_null_in_a_list_is_told_from_one_in_an_object(string json, bool isRead)
    {
        void Read() => JsonText.Deserialize<Dictionary<string, JsonElement>>(json, JsonSerializerOptions.Default);
        if (isRead)
        {
            Read();
            return;
        }
        Assert.Equal("a list holds null.", Assert.Throws<JsonException>(Read).Message);
        JsonText.Deserialize<Dictionary<string, JsonElement>>(json, JsonSerializerOptions.Default, nullItems: true);
    }

    [Fact]
    public void The_line_is_told() =>
        Assert.Equal(2, Assert.Throws<JsonException>(() => JsonText.RequireUnicode("[1,\n2,\n\"\\ud800\"]")).LineNumber);
}

/// <summary>A named pipe without a writer: whoever opens it waits.</summary>
internal static class Pipe
{
    public static string Create(string path)
    {
        Assert.Equal(0, MakePipe(path, 0x180));
        return path;
    }

    [DllImport("libc", EntryPoint = "mkfifo", CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int MakePipe(string path, uint mode);
}
