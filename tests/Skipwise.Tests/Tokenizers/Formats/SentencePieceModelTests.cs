using CsCheck;
using Skipwise.Tokenizers;

namespace Skipwise.Tests.Tokenizers.Formats;

public class SentencePieceModelTests
{
    private const int First = 259; // after unk, s, /s and 256 byte pieces

    private static ITokenizer Load(byte[] model, string? config = null)
    {
        using var folder = new TempFolder();
        folder.Write("tokenizer.model", model);
        if (config is not null)
        {
            folder.Write("tokenizer_config.json", config);
        }
        return TokenizerLoader.Load(folder.Path);
    }

    private static byte[] Small() => SentencePieceFile.Make(SentencePieceFile.Llama(
        ("▁", -9), ("a", -9), ("b", -9), ("!", -9), ("ab", -2), ("▁a", -3), ("▁ab", -4), ("!!", -5), ("!!!!", -6), ("!!!", -5)));

    [Fact]
    public void The_piece_of_the_highest_score_is_made_first()
    {
        var tokenizer = Load(Small());
        Assert.Equal(First + 10, tokenizer.VocabularySize);
        Assert.Equal([First + 6], tokenizer.Encode("ab")); // ▁ a b -> ▁ ab -> ▁ab
        Assert.Equal([First + 5, First + 5], tokenizer.Encode("a a"));
        Assert.Equal([First, First + 2, First + 1], tokenizer.Encode("ba"));
    }

    [Fact]
    public void Of_equal_scores_the_leftmost_goes_first()
    {
        var tokenizer = Load(Small());
        // "!!" and "!!!" have one score: ! ! ! ! ! -> !! ! ! ! -> !!! ! ! -> !!! !!
        Assert.Equal([First, First + 9, First + 7], tokenizer.Encode("!!!!!"));
    }

    [Fact]
    public void Characters_outside_the_vocabulary_become_bytes()
    {
        var tokenizer = Load(Small());
        Assert.Equal([First, 3 + 0xE6, 3 + 0x9D, 3 + 0xB1, First + 4], tokenizer.Encode("東ab"));
        Assert.Equal("東ab", tokenizer.Decode(tokenizer.Encode("東ab")));
        Assert.Equal([First, 3 + (byte)'<', 3 + (byte)'0', 3 + (byte)'x', 3 + (byte)'4', 3 + (byte)'1', 3 + (byte)'>'],
            tokenizer.Encode("<0x41>"));
    }

    [Fact]
    public void Special_tokens_in_the_text_are_recognised_and_left_out_of_decoded_text()
    {
        var legacy = Load(Small());
        Assert.Equal([1, First + 5, 2, First + 5], legacy.Encode("<s>a</s>a")); // a dummy prefix after each special token
        Assert.Equal((1, 2, true), (legacy.BosId, legacy.EosId, legacy.AddsBos));
        Assert.Equal("a", legacy.Decode([1, First + 5, 2]));
        var current = Load(Small(), """{"legacy": false, "add_bos_token": false}""");
        Assert.Equal([1, First + 1, 2, First + 1], current.Encode("<s>a</s>a"));
        Assert.Equal([First + 5, 2, First + 1], current.Encode("a</s>a"));
        Assert.False(current.AddsBos);
    }

    [Fact]
    public void User_defined_pieces_are_cut_out_after_normalization()
    {
        var tokenizer = Load(SentencePieceFile.Make([
            .. SentencePieceFile.Llama(("▁", -9), ("a", -9), ("▁a", -1)), ("▁▁", 0, SentencePieceFile.UserDefined)]));
        Assert.Equal([First + 2, First + 3, First + 1], tokenizer.Encode("a  a"));
    }

    [Fact]
    public void Extra_white_space_goes_where_the_model_says_so()
    {
        var tokenizer =
            Load(SentencePieceFile.Make(SentencePieceFile.Llama(("▁", -9), ("a", -9)), removeExtraWhitespaces: true, dummyPrefix: false));
        Assert.Equal([First + 1, First, First + 1], tokenizer.Encode("  a   a "));
        Assert.Equal("a a", tokenizer.Decode([First + 1, First, First + 1]));
    }

    [Theory]
    [InlineData(1, "", "model type is 1")]
    [InlineData(2, "nfkc", "identity")]
    public void Other_kinds_of_models_are_refused(int modelType, string characterMap, string word)
    {
        byte[] model = SentencePieceFile.Make(SentencePieceFile.Llama(("a", 0)), modelType, characterMap: characterMap);
        Assert.Contains(word, Assert.Throws<SkipwiseException>(() => Load(model)).Message);
    }

    [Fact]
    public void A_cut_file_is_always_an_error()
    {
        byte[] model = Small();
        using var folder = new TempFolder();
        for (int length = 0; length < model.Length; length += length < model.Length - 300 ? 13 : 1)
        {
            string path = folder.Write("tokenizer.model", model[..length]);
            Assert.Contains(path, Assert.Throws<SkipwiseException>(() => TokenizerLoader.Load(folder.Path)).Message);
        }
    }

    [Fact]
    public void A_damaged_file_loads_or_is_a_clear_error()
    {
        byte[] model = Small();
        using var folder = new TempFolder();
        Gen.Select(Gen.Int[0, model.Length - 1], Gen.Byte).Array[1, 4].Sample(changes =>
        {
            byte[] damaged = [.. model];
            foreach (var (at, value) in changes)
            {
                damaged[at] = value;
            }
            folder.Write("tokenizer.model", damaged);
            Robust.Try(() => TokenizerLoader.Load(folder.Path).Encode("ab <s> 東"));
        }, iter: 500, threads: 1);
    }
}

internal static class Robust
{
    /// <summary>Runs; a SkipwiseException with a message is as good as success, every other exception fails the test.</summary>
    public static void Try(Action action)
    {
        try
        {
            action();
        }
        catch (SkipwiseException e)
        {
            Assert.NotEmpty(e.Message);
        }
    }
}
