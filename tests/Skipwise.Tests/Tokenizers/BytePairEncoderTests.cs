using CsCheck;
using Skipwise.Tests.Tokenizers.Formats;
using Skipwise.Tokenizers;

namespace Skipwise.Tests.Tokenizers;

public class BytePairEncoderTests
{
    /// <summary>Texts near the vocabulary (so that merges happen) with strangers among them.</summary>
    internal static readonly Gen<string> Texts = Gen.OneOf(
        Gen.Char[" \t\neilmstuh19'!.京"],
        Gen.Char["the mill stands still until the thaw"],
        Gen.Char.AlphaNumeric).Array[0, 60].Select(c => new string(c));

    private static readonly string[] s_strange = ["🦙", "𝐀𝐁", "é", "e\u0301", "\u00a0", "ﬁ", "\u200d", "𠀀", "\0"];

    private static readonly string[] s_special = ["<unk>", "<s>", "</s>"];

    internal static readonly Gen<string> StrangeTexts = Gen.OneOf(
        Texts, Gen.String, Gen.Int[0, s_strange.Length - 1].Select(i => s_strange[i])).Array[0, 5].Select(string.Concat);

    [Fact]
    public void Ids_equal_the_slow_twin_when_pieces_cross_words()
    {
        var tiny = TinyBpe.AcrossWords();
        Assert.Contains(tiny.Pieces, p => p.Length > 1 && p.EndsWith('▁'));
        using var folder = new TempFolder();
        folder.Write("tokenizer.json", tiny.LlamaJson());
        var tokenizer = TokenizerLoader.Load(folder.Path);
        Texts.Sample(text => Assert.Equal(text.Length == 0 ? [] : tiny.EncodeSlowly("▁" + text.Replace(' ', '▁')), tokenizer.Encode(text)),
            iter: 2000);
        Assert.Equal(tiny.EncodeSlowly("▁" + TinyBpe.Corpus.Replace(' ', '▁')), tokenizer.Encode(TinyBpe.Corpus));
    }

    [Fact]
    public void Ids_equal_another_library_when_byte_level()
    {
        var tiny = TinyBpe.ByteLevel();
        using var folder = new TempFolder();
        folder.Write("tokenizer.json", tiny.ByteLevelJson());
        var ours = TokenizerLoader.Load(folder.Path);
        var theirs = Microsoft.ML.Tokenizers.BpeTokenizer.Create(new Microsoft.ML.Tokenizers.BpeOptions(tiny.Vocabulary)
        {
            Merges = tiny.Merges.Select(m => $"{m.Left} {m.Right}"),
            ByteLevel = true,
            PreTokenizer = new Microsoft.ML.Tokenizers.RegexPreTokenizer(
                new(@"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"), null),
        });
        Texts.Sample(text => Assert.Equal(theirs.EncodeToIds(text), ours.Encode(text)), iter: 2000);
        Assert.Equal(theirs.EncodeToIds(TinyBpe.Corpus), ours.Encode(TinyBpe.Corpus));
    }

    [Fact]
    public void A_special_token_in_a_text_is_recognised_and_left_out_when_decoding()
    {
        using var llama = new TempFolder();
        llama.Write("tokenizer.json", TinyBpe.AcrossWords().LlamaJson());
        var tokenizer = TokenizerLoader.Load(llama.Path);
        int[] ids = tokenizer.Encode("mill<s>");
        Assert.Equal(1, ids[^1]);
        Assert.Equal("mill", tokenizer.Decode(ids));
    }

    [Fact]
    public void Decoding_gives_the_text_back()
    {
        using var byteLevel = new TempFolder();
        byteLevel.Write("tokenizer.json", TinyBpe.ByteLevel().ByteLevelJson());
        using var llama = new TempFolder();
        llama.Write("tokenizer.json", TinyBpe.AcrossWords().LlamaJson());
        using var sentencePiece = new TempFolder();
        sentencePiece.Write("tokenizer.model",
            SentencePieceFile.Make(SentencePieceFile.Llama(("▁", -5), ("t", -5), ("h", -5), ("th", -1))));
        foreach (var tokenizer in new[] { byteLevel, llama, sentencePiece }.Select(f => TokenizerLoader.Load(f.Path)))
        {
            // A text that spells a special token is read as that token, and decoding leaves it out: such texts do not come back.
            StrangeTexts.Where(t => !t.Contains('▁') && t == Valid(t) && !s_special.Any(t.Contains))
                .Sample(text => Assert.Equal(text, tokenizer.Decode(tokenizer.Encode(text))), iter: 1000);
            Assert.Empty(tokenizer.Encode(""));
            Assert.Equal("", tokenizer.Decode([]));
        }

        static string Valid(string text) => System.Text.Encoding.UTF8.GetString(System.Text.Encoding.UTF8.GetBytes(text));
    }

    [Fact]
    public void Unknown_characters_in_a_row_become_one_unknown_token()
    {
        var tiny = TinyBpe.AcrossWords(bytes: false);
        using var folder = new TempFolder();
        folder.Write("tokenizer.json", tiny.Json(unknown: "<unk>", byteFallback: true));
        var tokenizer = TokenizerLoader.Load(folder.Path);
        int a = tiny.Vocabulary["a"];
        Assert.Equal([0, a, 0, a], tokenizer.Encode("žšča🦙🦙a"));
    }

    [Fact]
    public void Half_a_surrogate_pair_is_taken_for_the_replacement_character()
    {
        using var folder = new TempFolder();
        folder.Write("tokenizer.json", TinyBpe.ByteLevel().Json(
            normalizer: new { type = "NFC" }, preTokenizer: new { type = "ByteLevel", add_prefix_space = false },
            decoder: new { type = "ByteLevel" }));
        var tokenizer = TokenizerLoader.Load(folder.Path);
        Assert.Equal("a\uFFFDb", tokenizer.Decode(tokenizer.Encode("a\uD83Eb")));
    }

    [Fact]
    public void Many_threads_may_encode_at_once()
    {
        using var folder = new TempFolder();
        folder.Write("tokenizer.json", TinyBpe.AcrossWords().LlamaJson());
        var tokenizer = TokenizerLoader.Load(folder.Path);
        int[] expected = TokenizerLoader.Load(folder.Path).Encode(TinyBpe.Corpus);
        Parallel.For(0, 64, _ => Assert.Equal(expected, tokenizer.Encode(TinyBpe.Corpus)));
    }
}
