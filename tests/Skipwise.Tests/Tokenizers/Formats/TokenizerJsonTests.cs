using System.Text;
using CsCheck;
using Skipwise.Tokenizers;

namespace Skipwise.Tests.Tokenizers.Formats;

public class TokenizerJsonTests
{
    private static ITokenizer Load(string json, params (string Name, string Content)[] beside)
    {
        using var folder = new TempFolder();
        folder.Write("tokenizer.json", json);
        foreach (var (name, content) in beside)
        {
            folder.Write(name, content);
        }
        return TokenizerLoader.Load(folder.Path);
    }

    private static readonly TinyBpe s_bytes = TinyBpe.ByteLevel();

    [Fact]
    public void Merges_written_as_pairs_are_the_same_merges() =>
        Assert.Equal(
            Load(s_bytes.Json()).Encode(TinyBpe.Corpus),
            Load(s_bytes.Json(mergesAsPairs: true)).Encode(TinyBpe.Corpus));

    [Fact]
    public void Ignore_merges_takes_a_known_piece_whole()
    {
        // "xyz" is a piece that no merge makes.
        var tiny = new TinyBpe(["x", "y", "z", "xyz", "xy"], [("x", "y")]);
        Assert.Equal([4, 2], Load(tiny.Json()).Encode("xyz"));
        Assert.Equal([3], Load(tiny.Json(ignoreMerges: true)).Encode("xyz"));
        Assert.Equal([4, 2, 2], Load(tiny.Json(ignoreMerges: true)).Encode("xyzz"));
    }

    [Fact]
    public void A_prefix_space_is_added_unless_there_is_one()
    {
        var plain = Load(s_bytes.ByteLevelJson());
        var prefixed = Load(s_bytes.ByteLevelJson(addPrefixSpace: true));
        Assert.Equal(plain.Encode(" the mill"), prefixed.Encode("the mill"));
        Assert.Equal(plain.Encode(" the mill"), prefixed.Encode(" the mill"));
        Assert.NotEqual(plain.Encode("the mill"), prefixed.Encode("the mill"));
    }

    [Fact]
    public void The_template_says_whether_BOS_is_added()
    {
        var tiny = TinyBpe.AcrossWords();
        var tokenizer = Load(tiny.LlamaJson(), ("config.json", """{"eos_token_id": [2, 7]}"""));
        Assert.Equal((1, 2, true), (tokenizer.BosId, tokenizer.EosId, tokenizer.AddsBos));
        var plain = Load(tiny.LlamaJson(), ("tokenizer_config.json", """{"add_bos_token": false, "eos_token": {"content": "</s>"}}"""));
        Assert.Equal((1, 2, false), (plain.BosId, plain.EosId, plain.AddsBos));
        string end = s_bytes.ByteLevelJson([TinyBpe.Added(376, "<|end|>")]);
        var bare = Load(end, ("special_tokens_map.json", """{"eos_token": "<|end|>"}"""));
        Assert.Equal((null, 376, false, 377), (bare.BosId, bare.EosId, bare.AddsBos, bare.VocabularySize));
    }

    /// <summary>As in transformers, a token that special_tokens_map.json names is special, even if tokenizer.json has it as a plain
    /// one.</summary>
    [Fact]
    public void A_word_of_the_vocabulary_that_the_map_names_is_special()
    {
        int[] x = Load(s_bytes.ByteLevelJson([])).Encode("x");
        var tokenizer = Load(s_bytes.ByteLevelJson([]), ("special_tokens_map.json", """{"eos_token": "x"}"""));
        Assert.Equal(Assert.Single(x), tokenizer.EosId);
        Assert.Equal("", tokenizer.Decode(x));
    }

    [Fact]
    public void Added_tokens_are_found_leftmost_and_longest()
    {
        var tokenizer = Load(s_bytes.ByteLevelJson([
            TinyBpe.Added(376, "<|a|>"), TinyBpe.Added(377, "<|a|><|b|>"), TinyBpe.Added(378, "  ", special: false),
            TinyBpe.Added(379, "word", single_word: true),
            TinyBpe.Added(380, "<left>", lstrip: true), TinyBpe.Added(381, "<right>", rstrip: true)]));
        int[] x = tokenizer.Encode("x"), space = tokenizer.Encode(" ");
        Assert.Equal([.. x, 376, .. x, 377, 376], tokenizer.Encode("x<|a|>x<|a|><|b|><|a|>"));
        Assert.Equal([378, 378, .. space, .. x], tokenizer.Encode("     x"));
        Assert.Equal([.. x, .. space, 379, .. space, .. x], tokenizer.Encode("x word x"));
        Assert.DoesNotContain(379, tokenizer.Encode("words"));
        Assert.Equal([.. x, 380, .. space, .. x, .. space, 381, .. x], tokenizer.Encode("x \n<left> x <right>\t x"));
        Assert.Equal("x  x", tokenizer.Decode([.. x, 376, 378, 379, .. x])); // of these only 378 is not special
    }

    [Fact]
    public void A_normalized_token_is_looked_for_in_the_normalized_text()
    {
        // The prepended ▁ belongs to the token's normalized form, so only a space or the start of the text lets it match;
        // what follows it is part of the same normalized text and gets no ▁ of its own.
        var tiny = TinyBpe.AcrossWords();
        var tokenizer = Load(tiny.LlamaJson([TinyBpe.Added(1, "<s>", normalized: true)]));
        int t = tiny.Vocabulary["t"];
        Assert.Equal([1, t], tokenizer.Encode("<s>t"));
        Assert.Equal(tiny.EncodeSlowly("▁t<s>t"), tokenizer.Encode("t<s>t"));
        Assert.Equal([.. tiny.EncodeSlowly("▁t"), 1, t], tokenizer.Encode("t <s>t"));
        var raw = Load(tiny.LlamaJson([TinyBpe.Added(1, "<s>")]));
        Assert.Equal([.. tiny.EncodeSlowly("▁t"), 1, .. tiny.EncodeSlowly("▁t")], raw.Encode("t<s>t"));
    }

    [Theory]
    [InlineData("always", "▁t|▁t")]
    [InlineData("first", "▁t|t")]
    [InlineData("never", "t|t")]
    public void Metaspace_marks_the_start_as_its_scheme_says(string scheme, string expected)
    {
        var tiny = TinyBpe.AcrossWords();
        object metaspace = new { type = "Metaspace", replacement = "▁", prepend_scheme = scheme, split = false };
        var tokenizer =
            Load(tiny.Json(preTokenizer: metaspace, decoder: metaspace, addedTokens: [TinyBpe.Added(1, "<s>")], unknown: "<unk>"));
        var parts = expected.Split('|').Select(tiny.EncodeSlowly).ToArray();
        Assert.Equal([.. parts[0], 1, .. parts[1]], tokenizer.Encode("t<s>t"));
        Assert.Equal("t mill", tokenizer.Decode(tokenizer.Encode("t mill")));
    }

    [Theory]
    [InlineData("""{"type":"WordPiece"}""", "$.model.type", "WordPiece")]
    [InlineData("""{"type":"Unigram","vocab":[]}""", "$.model.type", "Unigram")]
    [InlineData("""{"type":"BPE","vocab":{"a":0},"merges":["a b"]}""", "$.model.merges[0]", "lacks \"b\"")]
    [InlineData("""{"type":"BPE","vocab":{"a":0},"merges":["a"]}""", "$.model.merges[0]", "pair")]
    [InlineData("""{"type":"BPE","vocab":{"a":-1},"merges":[]}""", "$.model.vocab.a", "-1")]
    [InlineData("""{"type":"BPE","vocab":{"a":2147483647},"merges":[]}""", "$.model.vocab.a", "2147483647")]
    [InlineData("""{"type":"BPE","vocab":[],"merges":[]}""", "$.model.vocab", "object")]
    [InlineData("""{"type":"BPE","vocab":{"a":"x"},"merges":[]}""", "$.model.vocab.a", "integer")]
    [InlineData("""{"type":"BPE","vocab":{},"merges":[],"end_of_word_suffix":"</w>"}""", "$.model.end_of_word_suffix", "</w>")]
    [InlineData("""{"type":"BPE","vocab":{},"merges":[]},"normalizer":{"type":"BertNormalizer"}""", "$.normalizer", "BertNormalizer")]
    [InlineData("""{"type":"BPE","vocab":{},"merges":[]},"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"BertPreTokenizer"}]}""", "$.pre_tokenizer.pretokenizers[0]", "BertPreTokenizer")]
    [InlineData("""{"type":"BPE","vocab":{},"merges":[]},"pre_tokenizer":{"type":"Split","pattern":{"Regex":"("},"behavior":"Isolated"}""",
        "$.pre_tokenizer.pattern", "regular expression")]
    [InlineData("""{"type":"BPE","vocab":{},"merges":[]},"pre_tokenizer":{"type":"Split","pattern":{"Regex":"a"},"behavior":"7"}""",
        "$.pre_tokenizer.behavior", "Isolated")]
    [InlineData("""{"type":"BPE","vocab":{},"merges":[]},"decoder":{"type":"WordPiece"}""", "$.decoder", "WordPiece")]
    public void What_is_not_understood_is_named_with_its_place(string model, string place, string word)
    {
        using var folder = new TempFolder();
        string path = folder.Write("tokenizer.json", $"{{\"model\":{model}}}");
        string message = Assert.Throws<SkipwiseException>(() => TokenizerLoader.Load(folder.Path)).Message;
        Assert.Contains($"{path}: {place} ", message);
        Assert.Contains(word, message);
    }

    [Fact]
    public void Folders_without_a_tokenizer_and_broken_JSON_are_clear_errors()
    {
        using var folder = new TempFolder();
        Assert.Contains("tokenizer.model", Assert.Throws<SkipwiseException>(() => TokenizerLoader.Load(folder.Path)).Message);
        Assert.Contains("no such folder", Assert.Throws<SkipwiseException>(() => TokenizerLoader.Load(folder["none"])).Message);
        folder.Write("tokenizer.json", "{\n\"model\": oops}");
        Assert.Contains("line 2", Assert.Throws<SkipwiseException>(() => TokenizerLoader.Load(folder.Path)).Message);
        folder.Write("tokenizer.json", """{"model":{"type":"BPE","vocab":{"\ud800":0},"merges":[]}}""");
        Assert.Contains("broken JSON in line 1", Assert.Throws<SkipwiseException>(() => TokenizerLoader.Load(folder.Path)).Message);
    }

    [Fact]
    public void A_damaged_file_loads_or_is_a_clear_error()
    {
        byte[] json = Encoding.UTF8.GetBytes(TinyBpe.AcrossWords(30, bytes: false).LlamaJson());
        byte[] config =
            Encoding.UTF8.GetBytes(
                """{"add_bos_token":true,"bos_token":{"content":"<s>"},"added_tokens_decoder":{"0":{"content":"<unk>"}},"legacy":false}""");
        using var folder = new TempFolder();
        Gen.Select(Gen.Bool, Gen.Select(Gen.Int[0, 100_000], Gen.OneOf(Gen.Byte, Gen.Char["{}[]\":,0"].Select(c => (byte)c))).Array[1, 3],
            Gen.Bool, Gen.Int[0, 100_000])
            .Sample((damageConfig, changes, cut, length) =>
            {
                byte[] target = [.. damageConfig ? config : json];
                foreach (var (at, value) in changes)
                {
                    target[at % target.Length] = value;
                }
                target = cut ? target[..(length % target.Length)] : target;
                folder.Write("tokenizer.json", damageConfig ? json : target);
                folder.Write("tokenizer_config.json", damageConfig ? target : config);
                Robust.Try(() => TokenizerLoader.Load(folder.Path).Encode("the <s> mill"));
            }, iter: 500, threads: 1);
    }
}
