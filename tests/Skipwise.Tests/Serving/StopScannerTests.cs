using CsCheck;
using Skipwise.Serving;

namespace Skipwise.Tests.Serving;

public sealed class StopScannerTests
{
    /// <summary>However the text is cut into pieces, what is shown is what comes before the stop text that ends first. A short alphabet
    /// makes many beginnings of stop texts.</summary>
    [Fact]
    public void The_text_before_the_first_stop_text_is_shown() =>
        Gen.Select(
            Gen.String[Gen.Char["ab"], 0, 24], Gen.String[Gen.Char["ab"], 1, 4].List[0, 3], Gen.Int[0, 1 << 24])
            .Sample((text, stops, cuts) =>
        {
            var scanner = new StopScanner(stops);
            string shown = "";
            for (int start = 0, end; start < text.Length; start = end)
            {
                end = start + 1;
                while (end < text.Length && (cuts >> end & 1) == 0)
                {
                    end++;
                }
                shown += scanner.Append(text[start..end]);
                Assert.StartsWith(shown, text, StringComparison.Ordinal);
            }
            shown += scanner.Rest();
            string? first = Enumerable.Range(1, text.Length).SelectMany(end => stops
                .Where(stop => text[..end].EndsWith(stop, StringComparison.Ordinal)).OrderByDescending(stop => stop.Length)
                .Select(stop => text[..(end - stop.Length)])).FirstOrDefault();
            Assert.Equal(first ?? text, shown);
            Assert.Equal(first is not null, scanner.IsFound);
        });

    [Fact]
    public void Nothing_is_kept_back_that_cannot_begin_a_stop_text()
    {
        var scanner = new StopScanner(["\n\nQ:"]);
        Assert.Equal("one", scanner.Append("one\n"));
        Assert.Equal("\ntwo", scanner.Append("two"));
        Assert.Equal("", scanner.Append("\n\n"));
        Assert.Equal("", scanner.Append("Q"));
        Assert.Equal("\n\nQ.", scanner.Append("."));
    }
}
