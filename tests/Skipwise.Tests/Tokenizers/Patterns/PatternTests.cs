using System.Diagnostics;
using System.Text.Json;
using Skipwise.Storage;
using Skipwise.Tokenizers;
using Skipwise.Tokenizers.Patterns;

namespace Skipwise.Tests.Tokenizers.Patterns;

/// <summary>Patterns of tokenizers as Oniguruma reads them; what is expected was asked of Hugging Face's library.</summary>
public class PatternTests
{
    private static CodePointRegex Read(string pattern, TimeSpan? limit = null)
    {
        using var folder = new TempFolder();
        string path = folder.Write("tokenizer.json", JsonSerializer.Serialize(new { Regex = pattern }));
        return CodePointRegex.Read(LocatedJson.Read(path), limit);
    }

    /// <summary>The text, cut around every match.</summary>
    private static string Cut(string pattern, string text) => string.Join('|', SplitBehavior.Isolated
        .Apply(Read(pattern).Matches(text), text.Length, invert: false).Select(piece => text[piece.Start..piece.End]));

    [Theory]
    [InlineData(@"[\p{L}&&[^a-m]]+|[a-m]+", "zo]bhello", "zo|]|bhell|o")]
    [InlineData("[a-z&&[aeiou]&&[^e]]", "xaxexi", "x|a|xex|i")]
    [InlineData("[^a-c&&b]+", "abcd", "a|b|cd")]
    [InlineData("[a&&-b]", "a-b", "a-b")]
    [InlineData("[[a-c]x]", "axd", "a|x|d")]
    [InlineData("[]a]", "]a", "]|a")]
    [InlineData("[!--]+", "!-,.", "!-,|.")]
    [InlineData("[a-c-e]+", "abc-de", "abc-|d|e")]
    [InlineData(@"[\p{L}-]+", "1a-b", "1|a-b")]
    [InlineData("[[:alpha:]]+", "aB1", "aB|1")]
    [InlineData("[[:^alpha:]]+", "aB1", "aB|1")]
    [InlineData("[[:punct:]]+", "a$+.x", "a|$+.|x")]
    [InlineData("[:alpha:]+", "a:b", "a:|b")]
    [InlineData(@"\p{Han}+", "ab水車x", "ab|水車|x")]
    [InlineData(@"\p{^L}+", "ab12", "ab|12")]
    [InlineData(@"\P{^L}+", "ab12", "ab|12")]
    [InlineData(@"\p{Uppercase_Letter}", "aB", "a|B")]
    [InlineData(@"\p{uppercase letter}", "aB", "a|B")]
    [InlineData(@"\h+", "12xfG", "12|x|f|G")]
    [InlineData(@"\R", "a\r\nb\nc", "a|\r\n|b|\n|c")]
    [InlineData(@"\w+", "a²\u0301-", "a²\u0301|-")]
    [InlineData(@"[\w]+", "a²b", "a|²|b")]
    [InlineData("a++b|a", "aaabaa", "aaab|a|a")]
    [InlineData("a*+a", "aaa", "aaa")]
    [InlineData("a{2,3}+", "aaaaaaa", "aaaaaa|a")]
    [InlineData("a{2}?", "aaaa", "aa|aa")]
    [InlineData("a{,2}", "aaa", "aa|a")]
    [InlineData("a{x}|b{", "a{x}b{", "a{x}|b{")]
    [InlineData("(?>a+)b|a", "aaab", "aaab")]
    [InlineData(@"\s+$", "a  \n b", "a|  |\n b")] // the end of a line is an end
    [InlineData("^b", "b\nb", "b|\n|b")]
    [InlineData(@"b\z", "b\nb", "b\n|b")]
    [InlineData("a.b", "a\nba😀b", "a\nb|a😀b")]
    [InlineData("(?m:a.b)", "a\nb", "a\nb")]
    [InlineData("a(?i)b|c", "aBcaC", "aB|c|aC")]
    [InlineData("(?x: a b # c\n)", "ab", "ab")]
    [InlineData("ba{,2}c", "bcxbaacbaaac", "bc|x|baac|baaac")]
    [InlineData("a(?#no)*", "aa", "aa")]
    [InlineData("(?i:s)", "xsſS", "x|s|ſ|S")]
    [InlineData("(?i:[k-l])", "xK\u212A", "x|K|\u212A")]
    [InlineData("(?i:[^s])", "Sſa", "Sſ|a")]
    [InlineData(@"\Qa", "Qab", "Qa|b")]
    [InlineData(@"\x{1F600}|\u0041", "a😀A", "a|😀|A")]
    [InlineData(@"\x7F|\x41", "A\u007Fb", "A|\u007F|b")]
    [InlineData("[𐐀-𐑏]", "a𐐀𐑏𐑐", "a|𐐀|𐑏|𐑐")]
    [InlineData("[^𐐀]", "a𐐀😀", "a|𐐀|😀")]
    [InlineData("(?i:𐐀)", "𐐨𐐀𐐁", "𐐨|𐐀|𐐁")]
    [InlineData("😀+", "😀😀x😁", "😀😀|x😁")]
    [InlineData(@"\b", "ab-c", "ab|-|c")]
    [InlineData("", "a😀b", "a|😀|b")]
    public void A_pattern_means_what_Oniguruma_makes_of_it(string pattern, string text, string expected) =>
        Assert.Equal(expected, Cut(pattern, text));

    [Theory]
    [InlineData(@"\p{IsHan}", @"\p{IsHan}")]
    [InlineData(@"\p{Deseret}", @"\p{Deseret}")]
    [InlineData("[[:foo:]]", "[:foo:]")]
    [InlineData(@"(a)\1", @"\1")]
    [InlineData(@"\X", @"\X")]
    [InlineData(@"a\Kb", @"\K")]
    [InlineData(@"\xE9", @"\x{E9}")]
    [InlineData(@"\x80", @"\x{80}")]
    [InlineData("(?~ab)", "(?~")]
    [InlineData("(?P<n>a)", "(?P")]
    [InlineData("(?s:.)", "(?s")]
    [InlineData("(?i:maß)", "ß")]
    [InlineData("(?i:ss)", "\"ss\"")]
    [InlineData(@"(?i:[\p{L}])", "ß")]
    [InlineData("a{3,1}", "3 to 1")]
    [InlineData("a{3,0}", "3 to 0")]
    [InlineData("a{1,200000}", "repetition")]
    [InlineData("*a", "repeats nothing")]
    [InlineData("(?=a)*", "repeats nothing")]
    [InlineData("(a", "not closed")]
    [InlineData("a)", "closes nothing")]
    [InlineData("[a", "not closed")]
    [InlineData("[z-a]", "later letter")]
    [InlineData(@"[\w-.]", "begins with a set")]
    [InlineData(@"a\", "ends with")]
    public void What_cannot_be_translated_is_named_with_its_place(string pattern, string word)
    {
        string message = Assert.Throws<SkipwiseException>(() => Read(pattern)).Message;
        Assert.Contains($"tokenizer.json: $ is the regular expression {pattern}", message);
        Assert.Contains(word, message[message.IndexOf("cannot read", StringComparison.Ordinal)..]);
    }

    [Theory]
    [InlineData("(", ")"), InlineData("(?:", ")*"), InlineData("[", "]"), InlineData("(?i)", ""), InlineData("\\p{L}[^\\s]", "")]
    public void A_pattern_without_measure_is_refused_and_does_no_harm(string open, string close)
    {
        string pattern = string.Concat(Enumerable.Repeat(open, 5000)) + "a" + string.Concat(Enumerable.Repeat(close, 5000));
        Assert.Contains("more than", Assert.Throws<SkipwiseException>(() => Read(pattern)).Message);
    }

    [Fact]
    public void What_replaces_nothing_is_an_error()
    {
        Assert.Equal("xbxx", Read("a").Replace("abaa", "x"));
        Assert.Contains("nothing to replace", Assert.Throws<SkipwiseException>(() => Read("a*").Replace("ab", "x")).Message);
    }

    [Fact]
    public void A_pattern_that_takes_ages_is_an_error_that_names_it()
    {
        var limit = TimeSpan.FromMilliseconds(100);
        var pattern = Read("(a|aa)+$", limit);
        long start = Stopwatch.GetTimestamp();
        string message = Assert.Throws<SkipwiseException>(() => pattern.Matches(new string('a', 100) + "b")).Message;
        Assert.Contains("tokenizer.json: $ is the pattern (a|aa)+$, which found no match within 0.1 seconds", message);
        // By itself it would take years; .NET counts the limit in ticks of some milliseconds.
        Assert.InRange(Stopwatch.GetElapsedTime(start), limit / 2, TimeSpan.FromMinutes(1));
    }
}
