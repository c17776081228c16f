using System.Text;
using Skipwise.Documents;

namespace Skipwise.Tests.Documents;

/// <summary>A file that asks for all memory, because it is broken or was made for it, ends with a word that names its place.</summary>
public sealed class LimitTests : IDisposable
{
    private static readonly string s_long = new('x', (3 << 20) + 5), s_short = new('y', 1 << 19);
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    public static TheoryData<string, string, string> Long => new()
    {
        { "a.jsonl", $"{{\"text\":\"one\"}}\n{{\"text\":\"{s_long}\"}}\n{{\"text\":\"three\"}}\n", ":2" },
        { "a.csv", $"text,id\none,1\n\"{s_long}\n", "#2" }, // a quote that is not closed takes the rest of the file
        { "a.json", $"[{{\"text\":\"one\"}},{{\"text\":\"{s_long}\"}}]", "#2" },
        { "a.txt", s_long, "" },
        { "b.txt", $"one|{s_long}|three", "#2" },
    };

    [Theory]
    [MemberData(nameof(Long))]
    public void A_row_without_an_end_is_refused_by_its_place_and_the_option_allows_it(string name, string text, string place)
    {
        string path = _temp.Write(name, text);
        string message = Assert.Throws<SkipwiseException>(() => Lengths(path, 1)).Message;
        Assert.StartsWith($"{path}{place}: has no end after 1 MB.", message, StringComparison.Ordinal);
        Assert.EndsWith("raise LimitOptions.MaxDocumentMegabytes", message, StringComparison.Ordinal);
        if (!name.EndsWith(".csv", StringComparison.Ordinal))
        {
            Assert.Contains(s_long.Length, Lengths(path, 4));
        }
    }

    /// <summary>Eight rows of half a megabyte.</summary>
    [Theory]
    [InlineData("a.jsonl", "", "{\"text\":\"%\"}", "\n", "\n")]
    [InlineData("a.json", "[", "{\"text\":\"%\"}", ",", "]")]
    [InlineData("a.csv", "text\n", "%", "\n", "\n")]
    [InlineData("b.txt", "", "%", "|", "")]
    public void Rows_are_limited_one_by_one_and_not_together(string name, string before, string row, string between, string after)
    {
        string rows = string.Join(between, Enumerable.Repeat(row.Replace("%", s_short, StringComparison.Ordinal), 8));
        Assert.Equal(Enumerable.Repeat(s_short.Length, 8), Lengths(_temp.Write(name, before + rows + after), 1));
    }

    [Theory]
    [InlineData("a.jsonl.gz"), InlineData("a.jsonl.zst")]
    public void A_packed_file_that_unpacks_to_far_more_than_it_holds_is_refused_and_the_option_allows_it(string name)
    {
        string line = $"{{\"text\":\"{s_short}\"}}\n", text = new StringBuilder().Insert(0, line, 150).ToString(); // 75 MB
        string path = name.EndsWith("gz", StringComparison.Ordinal) ? _temp.WriteGzip(name, text) : _temp.WriteZstandard(name, text);
        string message = Assert.Throws<SkipwiseException>(() => Lengths(path, 1, unpacking: 20)).Message;
        Assert.StartsWith(path, message, StringComparison.Ordinal);
        Assert.Contains($"the file of {new FileInfo(path).Length} bytes decompresses to more than", message, StringComparison.Ordinal);
        Assert.EndsWith("raise LimitOptions.MaxDecompressionRatio", message, StringComparison.Ordinal);
        Assert.Equal(150, Lengths(path, 1, unpacking: 1_000_000).Count);
    }

    [Fact]
    public void Limits_are_no_part_of_what_is_kept_of_a_runs_settings() =>
        Assert.Equal("{\"SeparatorText\":null,\"Field\":null}", System.Text.Json.JsonSerializer.Serialize(new DocumentOptions()));

    private static List<int> Lengths(string path, int megabytes, int unpacking = 200)
    {
        var options = new DocumentOptions
        {
            Field = path.EndsWith(".txt", StringComparison.Ordinal) ? null : "text",
            SeparatorText = path.EndsWith("b.txt", StringComparison.Ordinal) ? "|" : null,
            Limits = new() { MaxDocumentMegabytes = megabytes, MaxDecompressionRatio = unpacking },
        };
        return [.. DocumentReader.Read([path], options).Select(document => document.Text.Length)];
    }
}
