using System.Text.Json;
using Skipwise.Storage;
using Skipwise.Tokenizers;

namespace Skipwise.Tests.Tokenizers;

public class PreTokenizerTests
{
    private const string Llama3 =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    private static string[] Pieces(object preTokenizer, string text)
    {
        using var folder = new TempFolder();
        var steps = PreTokenizers.Read(LocatedJson.Read(folder.Write("p.json", JsonSerializer.Serialize(preTokenizer))));
        List<TextPiece> pieces = [new(text.AsMemory(), false)];
        foreach (var step in steps)
        {
            var parts = new List<TextPiece>();
            pieces.ForEach(p => step(p, parts));
            pieces = parts;
        }
        return [.. pieces.Select(p => p.Text.ToString())];
    }

    private static Dictionary<string, object> Split(string kind, string pattern, string behavior, bool invert = false) =>
        new Dictionary<string, object>
        {
            ["type"] = "Split",
            ["pattern"] = new Dictionary<string, string> { [kind] = pattern },
            ["behavior"] = behavior,
            ["invert"] = invert,
        };

    [Theory] // the example of the Hugging Face documentation of these behaviours
    [InlineData("Removed", "the|final|countdown")]
    [InlineData("Isolated", "the|-|final|-|-|countdown")]
    [InlineData("MergedWithPrevious", "the-|final-|-|countdown")]
    [InlineData("MergedWithNext", "the|-final|-|-countdown")]
    [InlineData("Contiguous", "the|-|final|--|countdown")]
    public void A_match_goes_where_the_behaviour_says(string behavior, string expected)
    {
        Assert.Equal(expected.Split('|'), Pieces(Split("String", "-", behavior), "the-final--countdown"));
    }

    [Fact]
    public void Invert_makes_the_gaps_the_matches() =>
        Assert.Equal(["the", "final", "countdown"], Pieces(Split("Regex", "[a-z]+", "Removed", invert: true), "the-final--countdown"));

    [Fact]
    public void GPT2_cuts_words_numbers_symbols_and_white_space()
    {
        object byteLevel = new { type = "ByteLevel", add_prefix_space = false };
        Assert.Equal(["It", "'s", "Ġ12345", "ĠcafÃ©s", "!!", "ĠĠ", "Ċ", "x", "Ġ"], Pieces(byteLevel, "It's 12345 cafés!!  \nx "));
        Assert.Equal(["ĠĠ", "Ġx"], Pieces(byteLevel, "   x"));
        Assert.Equal(["It'sĠx"], Pieces(new { type = "ByteLevel", add_prefix_space = false, use_regex = false }, "It's x"));
    }

    [Fact]
    public void Llama3_cuts_numbers_in_threes_and_keeps_line_ends_with_symbols()
    {
        var pattern = Split("Regex", Llama3, "Isolated");
        Assert.Equal(["I", "'M", " ", "123", "456", "7", " x", "++\n\n", "\t", "\ty", "  \n"],
            Pieces(pattern, "I'M 1234567 x++\n\n\t\ty  \n"));
    }

    [Fact]
    public void A_letter_beyond_16_bits_is_a_letter()
    {
        object sequence =
            new
            {
                type = "Sequence",
                pretokenizers = new object[] { Split("Regex", Llama3, "Isolated"),
                    new { type = "ByteLevel", add_prefix_space = false, use_regex = false } }
            };
        Assert.Equal(["x𝐀𠀀y", "𝟏𝟐𝟑", "𝟒", "🦙!"], Pieces(Split("Regex", Llama3, "Isolated"), "x𝐀𠀀y𝟏𝟐𝟑𝟒🦙!"));
        Assert.Equal(TinyBpe.Spell("x𝐀🦙!"), string.Concat(Pieces(sequence, "x𝐀🦙!")));
    }

    [Fact]
    public void Digits_are_cut_one_by_one_or_together()
    {
        Assert.Equal(["a", "1", "2", "b"], Pieces(new { type = "Digits", individual_digits = true }, "a12b"));
        Assert.Equal(["a", "12", "b"], Pieces(new { type = "Digits", individual_digits = false }, "a12b"));
        Assert.Equal(["a", "!", "?", "b"], Pieces(new { type = "Punctuation" }, "a!?b"));
    }
}
