using System.Text;
using System.Text.Json;
using CsCheck;
using Skipwise.Tokenizers;

namespace Skipwise.Tests.Tokenizers.Formats;

public class VocabularyAndMergesTests
{
    private static readonly TinyBpe s_tiny = TinyBpe.ByteLevel();

    /// <summary>The tiny vocabulary with an end of text behind it, as GPT-2's has.</summary>
    private static readonly string s_vocabulary =
        JsonSerializer.Serialize(s_tiny.Vocabulary.Append(new("<|endoftext|>", s_tiny.Pieces.Count)).ToDictionary());
    private static readonly string s_merges = "#version: 0.2\n" + string.Join('\n', s_tiny.Merges.Select(m => $"{m.Left} {m.Right}")) +
        "\n";

    private static ITokenizer Load(params (string Name, string Content)[] beside)
    {
        using var folder = new TempFolder();
        folder.Write("vocab.json", s_vocabulary);
        folder.Write("merges.txt", s_merges);
        foreach (var (name, content) in beside)
        {
            folder.Write(name, content);
        }
        return TokenizerLoader.Load(folder.Path);
    }

    private static ITokenizer Json(string json)
    {
        using var folder = new TempFolder();
        folder.Write("tokenizer.json", json);
        return TokenizerLoader.Load(folder.Path);
    }

    private static object Sequence(string words) => new
    {
        type = "Sequence",
        pretokenizers = new object[]
        {
            new { type = "Split", pattern = new { Regex = words }, behavior = "Isolated", invert = false },
            new { type = "ByteLevel", add_prefix_space = false, use_regex = false },
        },
    };

    [Theory]
    [InlineData("")]
    [InlineData("""{"tokenizer_class": "GPT2Tokenizer"}""")]
    public void GPT2s_pair_gives_the_ids_of_its_tokenizer_json(string config)
    {
        var pair = config.Length > 0 ? Load(("tokenizer_config.json", config)) : Load();
        var json = Json(s_tiny.ByteLevelJson([TinyBpe.Added(s_tiny.Pieces.Count, "<|endoftext|>")]));
        string text = TinyBpe.Corpus + "<|endoftext|>" + TinyBpe.Corpus;
        Assert.Equal(json.Encode(text), pair.Encode(text));
        Assert.Equal(TinyBpe.Corpus + TinyBpe.Corpus, pair.Decode(pair.Encode(text)));
        int end = s_tiny.Pieces.Count;
        Assert.Equal((end, end, false, end + 1), (pair.BosId, pair.EosId, pair.AddsBos, pair.VocabularySize));
    }

    [Theory]
    [InlineData("""{"eos_token_id": [5, 6]}""", """{"eos_token_id": 7}""", new[] { 5, 6, 7 })]
    [InlineData("""{"eos_token_id": 5}""", """{"eos_token_id": [7, 5]}""", new[] { 5, 7 })]
    [InlineData("""{"eos_token_id": null}""", """{"eos_token_id": [-1]}""", new int[0])]
    [InlineData("""{"eos_token_id": []}""", "{}", new int[0])]
    public void Every_end_token_that_the_files_name_ends_a_text(string config, string generation, int[] expected)
    {
        ITokenizer tokenizer = Load(("config.json", config), ("generation_config.json", generation));
        int eos = s_tiny.Pieces.Count;
        Assert.Equal(eos, tokenizer.EosId); // of the vocabulary
        Assert.Equal([eos, .. expected], tokenizer.EndIds);
    }

    [Fact]
    public void Qwen2s_pair_cuts_words_by_its_own_rule_after_composing_accents()
    {
        var pair = Load(("config.json", """{"model_type": "qwen2", "eos_token_id": 376}"""));
        var json = Json(s_tiny.Json(
            normalizer: new { type = "NFC" },
            preTokenizer: Sequence(
                @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"),
            decoder: new { type = "ByteLevel" }));
        string text = TinyBpe.Corpus + " THEY'LL 1999 cafe\u0301\r\n\r\n";
        Assert.Equal(json.Encode(text), pair.Encode(text));
        Assert.Equal(text.Normalize(), pair.Decode(pair.Encode(text)));
    }

    [Fact]
    public void Settings_beside_the_pair_are_followed()
    {
        var tokenizer = Load(
            ("tokenizer_config.json",
                """{"tokenizer_class": "GPT2Tokenizer", "add_prefix_space": true, "add_bos_token": true, "pad_token": "Ġthe"}"""),
            ("added_tokens.json", """{"<|extra|>": 400}"""));
        int[] the = [s_tiny.Vocabulary["Ġthe"]];
        Assert.Equal([.. the, 400], tokenizer.Encode("the<|extra|>"));
        Assert.Equal("<|extra|>", tokenizer.Decode([400])); // added, but not special
        Assert.True(tokenizer.AddsBos);
        Assert.Equal(401, tokenizer.VocabularySize);
    }

    [Theory]
    [InlineData("tokenizer_config.json", """{"tokenizer_class": "RobertaTokenizer"}""", "RobertaTokenizer")]
    [InlineData("merges.txt", "#version: 0.2\nt h\nq\n", "line 3")]
    [InlineData("merges.txt", "q  u\n", "line 1")]
    [InlineData("merges.txt", "t h\n東 京\n", "line 2")]
    [InlineData("vocab.json", "[]", "vocab.json: $ is Array")]
    [InlineData("vocab.json", """{"a": -1}""", "$.a")]
    public void What_is_not_understood_is_named_with_its_place(string name, string content, string word)
    {
        string message = Assert.Throws<SkipwiseException>(() => Load((name, content))).Message;
        Assert.Contains(name, message);
        Assert.Contains(word, message);
    }

    [Fact]
    public void A_damaged_pair_loads_or_is_a_clear_error() =>
        Gen.Select(Gen.Bool, Gen.Select(Gen.Int[0, 100_000], Gen.Byte).Array[1, 4]).Sample((damageMerges, changes) =>
        {
            byte[] damaged = Encoding.UTF8.GetBytes(damageMerges ? s_merges : s_vocabulary);
            foreach (var (at, value) in changes)
            {
                damaged[at % damaged.Length] = value;
            }
            using var folder = new TempFolder();
            folder.Write("vocab.json", s_vocabulary);
            folder.Write("merges.txt", s_merges);
            folder.Write(damageMerges ? "merges.txt" : "vocab.json", damaged);
            Robust.Try(() => TokenizerLoader.Load(folder.Path).Encode(TinyBpe.Corpus));
        }, iter: 300, threads: 1);
}
