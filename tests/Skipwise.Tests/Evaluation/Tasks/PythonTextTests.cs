using Skipwise.Evaluation.Tasks;

namespace Skipwise.Tests.Evaluation.Tasks;

/// <summary>Expected texts are CPython 3.11's.</summary>
public class PythonTextTests
{
    [Theory]
    [InlineData("the Man's ÉCOLE", "The man's école")]
    [InlineData("émile", "Émile")]
    [InlineData("ǆ AB", "ǅ ab")] // a letter pair has a title case of its own
    [InlineData("ßAB", "Ssab")]
    [InlineData("ﬁX", "Fix")]
    [InlineData("ŉa", "ʼNa")]
    [InlineData("ﬗ", "Մխ")]
    [InlineData("ΐΑ", "Ι\u0308\u0301α")]
    [InlineData("ᾳΑ", "ᾼα")]
    [InlineData("ა b", "ა b")] // Georgian's title case is itself, its upper case is not
    [InlineData("ΑΒΣ ΣΑΣ. ΑΣ’", "Αβς σας. ας’")]
    [InlineData("aΣb", "Aσb")]
    // characters that Python looks past for the word's end, and one that ends it
    [InlineData("aΣ'b aΣ.b aΣ:b aΣ·b aΣ’b aΣ-b a'Σ", "Aσ'b aσ.b aσ:b aσ·b aσ’b aς-b a'ς")]
    [InlineData("'Σ", "'σ")]
    [InlineData("Σ", "Σ")]
    [InlineData("İi İ", "İi i\u0307")]
    [InlineData("\U00010428\U00010400", "\U00010400\U00010428")]
    [InlineData("1ABC", "1abc")]
    [InlineData("", "")]
    public void Capitalize(string text, string expected) => Assert.Equal(expected, PythonText.Capitalize(text));

    [Fact]
    public void Blanks_are_these()
    {
        int[] expected =
            [9, 10, 11, 12, 13, 28, 29, 30, 31, 32, 0x85, 0xA0, 0x1680, .. Enumerable.Range(0x2000, 11), 0x2028, 0x2029, 0x202F, 0x205F,
                0x3000];
        Assert.Equal(expected, Enumerable.Range(0, 0x10000).Where(c => PythonText.IsSpace((char)c)));
    }

    [Fact]
    public void Trimming() =>
        Assert.Equal(("a b", "\x1c a b", ""),
            (PythonText.Trim(" \x1c a b\u3000\n"), PythonText.TrimEnd("\x1c a b\x1f "), PythonText.Trim(" \n")));

    [Theory]
    [InlineData("naïve", 5), InlineData("🦙🦙", 2), InlineData("e\u0301", 2), InlineData("", 0)]
    public void Length_counts_code_points(string text, int expected) => Assert.Equal(expected, PythonText.Length(text));
}
