using System.Text.Json;
using System.Text.Json.Nodes;
using Skipwise.Checkpoints.Gguf;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Models;
using Skipwise.Numerics;
using Skipwise.Storage.Gguf;
using Skipwise.Tests.Tokenizers;
using Skipwise.Tests.Tokenizers.Formats;
using Skipwise.Tokenizers;

namespace Skipwise.Tests.Checkpoints.Gguf;

/// <summary>llama.cpp gives texts the ids that ours give, by the tokenizer in the file alone; and so does our reader of the file.</summary>
public sealed class GgufTokenizerTests : IDisposable
{
    private const string Llama3 =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|" +
        @"\s*[\r\n]+|\s+(?!\S)|\s+";

    private static readonly TinyBpe s_bytes = TinyBpe.ByteLevel(), s_llama = TinyBpe.AcrossWords();

    private static readonly string[] s_words =
    [
        "the", " the", "The", "miller's", "WE'LL", " it's", "café", "naïve", "Ελλάδα", "привет", "straße", "東京", "水車の", "한국",
        "नमस्ते", "😀", "👩\u200D👧", "a", "ab", "1", "42", "1234567", "½", "²", "_", "-", "--", "!", "?!", "...", "'", "\"", "(",
        "$", "^", "`", "。", "「", "▁", "▁a", " ", "  ", "    ", "\t", "\n", "\r\n", "\n\n", "\u00A0", "\u3000",
        "<s>", "</s>", "<|end|>", "<|user|>",
        "<0x41>", "mill", "miller", " stands",
    ];

    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    private static readonly object[] s_added =
    [
        TinyBpe.Added(s_bytes.Pieces.Count, "<|end|>"), TinyBpe.Added(s_bytes.Pieces.Count + 1, "<|user|>", special: false),
    ];

    public static TheoryData<string> Kinds =>
        ["shipped", "gpt-2", "gpt-2 digits", "llama 3", "llama 3 ignoring merges", "qwen 2", "merges", "gemma", "scores",
            "scores, no prefix"];

    private string Folder(string kind)
    {
        if (kind == "shipped")
        {
            return Path.Combine(HouseRulesTests.Root(), "models", "skipwise-tiny");
        }
        if (kind.StartsWith("scores", StringComparison.Ordinal))
        {
            (string, float, int)[] pieces =
            [
                .. SentencePieceFile.Llama([.. s_llama.Pieces.Skip(259).Select((piece, i) => (piece, -(float)i))]),
                ("<|end|>", 0, SentencePieceFile.UserDefined),
            ];
            Directory.CreateDirectory(_temp[kind]);
            File.WriteAllBytes(Path.Combine(_temp[kind], "tokenizer.model"), SentencePieceFile.Make(pieces, dummyPrefix: kind == "scores"));
            return _temp[kind];
        }
        string json = kind switch
        {
            "gpt-2" => s_bytes.ByteLevelJson(s_added),
            "gpt-2 digits" => Words("""{"type": "Digits", "individual_digits": true}, {"type": "ByteLevel", "add_prefix_space": false}"""),
            "llama 3" => Words(Split(Llama3)),
            "llama 3 ignoring merges" => Words(Split(Llama3), ignoreMerges: true),
            "qwen 2" => Words(Split(Llama3.Replace("{1,3}", "", StringComparison.Ordinal))),
            "gemma" => Gemma(),
            _ => Everywhere().LlamaJson(),
        };
        _temp.Write($"{kind}/tokenizer.json", json);
        return _temp[kind];
    }

    private static string Split(string pattern) =>
        """{"type": "Split", "behavior": "Isolated", "invert": false, """ +
        $$$""" "pattern": {"Regex": {{{JsonSerializer.Serialize(pattern)}}} }}, """ +
        """{"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}""";

    /// <summary>No space before a text, and a split at spaces that the normalizer has left none of.</summary>
    private static string Gemma()
    {
        var json = (JsonObject)JsonNode.Parse(Everywhere().LlamaJson())!;
        json["normalizer"] = json["normalizer"]!["normalizers"]![1]!.DeepClone();
        json["pre_tokenizer"] = JsonNode.Parse(
            """{"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": false}""");
        ((JsonArray)json["decoder"]!["decoders"]!).RemoveAt(3);
        return json.ToJsonString();
    }

    private static string Words(string steps, bool ignoreMerges = false) => s_bytes.Json(
        preTokenizer: JsonSerializer.Deserialize<JsonElement>($$"""{"type": "Sequence", "pretokenizers": [{{steps}}]}"""),
        decoder: new { type = "ByteLevel" }, addedTokens: s_added, ignoreMerges: ignoreMerges);

    /// <summary>Merges as transformers derives them from SentencePiece's scores: each piece in every way.</summary>
    private static TinyBpe Everywhere() => s_llama with
    {
        Merges =
        [
            .. s_llama.Pieces.Skip(259)
                .SelectMany(piece => Enumerable.Range(1, piece.Length - 1).Select(cut => (piece[..cut], piece[cut..])))
                .Where(pair => s_llama.Vocabulary.ContainsKey(pair.Item1) && s_llama.Vocabulary.ContainsKey(pair.Item2)),
        ],
    };

    private string Export(ITokenizer tokenizer, IReadOnlyList<(string, string)>? templates = null, int further = 0)
    {
        using CausalLM model = TinyModel.Create(vocabulary: tokenizer.VocabularySize + further);
        using PretrainedModel pretrained = PretrainedModel.Create(model);
        GgufExport.Write(pretrained, _temp["t.gguf"], "tiny", GgufType.F32, tokenizer.ToModel(), templates ?? [], null);
        return _temp["t.gguf"];
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void The_same_ids(string kind)
    {
        LlamaCpp.RequireNatives();
        ITokenizer tokenizer = TokenizerLoader.Load(Folder(kind));
        string file = Export(tokenizer);
        ITokenizer read = TokenizerLoader.Load(file);
        using var client = new LlamaCpp(file, 64);
        var rng = new KeyedRandom(3);
        IEnumerable<string> texts = Enumerable.Range(0, 300)
            .Select(_ => string.Concat(Enumerable.Range(0, rng.Between(1, 12)).Select(_ => rng.Pick(s_words))))
            .Concat([TinyBpe.Corpus, "", " ", "  a  ", "\n", " 🦙 <s>the mill</s>  the mill<|end|>!!!!!", new string('a', 300)]);
        Assert.All(texts, text => Assert.Equal((text, Ids(client.Tokenize(text, addBos: false))), (text, Ids(read.Encode(text)))));
        // SentencePiece's user-defined pieces are part of the text around them; llama.cpp begins a new text behind each, with a space
        foreach (string text in kind == "scores" ? texts.Where(text => !text.Contains("<|end|>", StringComparison.Ordinal)) : texts)
        {
            int[] ids = tokenizer.Encode(text);
            Assert.Equal((text, Ids(ids)), (text, Ids(client.Tokenize(text, addBos: false))));
            Assert.Equal((text, Ids(ids)), (text, Ids(read.Encode(text))));
            Assert.Equal(tokenizer.Decode(ids), read.Decode(ids));
        }
        Assert.Equal((tokenizer.AddsBos, tokenizer.VocabularySize), (read.AddsBos, read.VocabularySize));
        Assert.Equal(tokenizer.EosId ?? (kind is "merges" or "gemma" ? 2 : null), read.EosId); // llama.cpp's, where none is named
        int[] mill = tokenizer.Encode("the mill");
        Assert.Equal(tokenizer is { AddsBos: true, BosId: { } bos } ? [bos, .. mill] : mill, client.Tokenize("the mill", addBos: true));

        static string Ids(int[] ids) => string.Join(' ', ids);
    }

    /// <summary>llama.cpp knows that model by its name; on Hugging Face its tokens say so themselves.</summary>
    [Fact]
    public void The_tokens_of_Phi_3_take_the_white_space_behind_them_along()
    {
        LlamaCpp.RequireNatives();
        (string, float, int)[] pieces =
        [
            .. SentencePieceFile.Llama([.. s_llama.Pieces.Skip(259).Select((piece, i) => (piece, -(float)i))]),
            ("<|endoftext|>", 0, SentencePieceFile.UserDefined), ("<|end|>", 0, SentencePieceFile.UserDefined),
        ];
        _temp.Write("phi/tokenizer.model", SentencePieceFile.Make(pieces));
        string plain = Export(TokenizerLoader.Load(_temp["phi"])), named = ChangedGguf.Write(plain, _temp["named.gguf"],
            [("general.name", "Phi-3-mini-4k-instruct")]);
        ITokenizer tokenizer = TokenizerLoader.Load(named);
        using var client = new LlamaCpp(named, 64);
        foreach (string token in (string[])["<|end|>", "</s>", "<s>", "<|endoftext|>", "<unk>"])
        {
            string text = $"the mill {token} \n the miller";
            Assert.Equal(client.Tokenize(text, addBos: false), tokenizer.Encode(text));
            bool isStripped = token is "<|end|>" or "</s>";
            Assert.Equal(isStripped, !tokenizer.Encode(text).SequenceEqual(TokenizerLoader.Load(plain).Encode(text)));
        }
        // exported again, from a tokenizer that says so itself, it has the name by which llama.cpp knows
        string again = Export(tokenizer);
        using (var other = new LlamaCpp(again, 64))
        {
            Assert.Equal("Phi-3 tiny", other.Metadata["general.name"]);
            Assert.All((string[])["<|end|>", "</s>", "<s>", "<|endoftext|>", "<unk>"], token => Assert.Equal(
                tokenizer.Encode($"the mill {token} \n the miller"), other.Tokenize($"the mill {token} \n the miller", addBos: false)));
        }
        // converters of later years write the name with spaces, and one end token only: the others are known by what they are called
        ITokenizer later = TokenizerLoader.Load(ChangedGguf.Write(plain, _temp["later.gguf"],
            [("general.name", "Phi 3 Mini 128k Instruct"), ("general.architecture", "phi3")]));
        Assert.Equal(tokenizer.Encode("the mill <|end|> \n the miller"), later.Encode("the mill <|end|> \n the miller"));
        int count = later.ToModel()!.Pieces.Count;
        Assert.Equal([later.EosId!.Value, count - 2, count - 1], later.EndIds);
    }

    [Fact]
    public void Chat_templates_padding_rows_and_special_tokens_are_in_the_file()
    {
        LlamaCpp.RequireNatives();
        string folder = Folder("gpt-2");
        _temp.Write("gpt-2/tokenizer_config.json", """
            {"eos_token": "<|end|>", "pad_token": "<|end|>", "add_bos_token": false,
             "chat_template": [{"name": "default", "template": "{{ messages }}"}, {"name": "tool", "template": "T"}]}
            """);
        ITokenizer tokenizer = TokenizerLoader.Load(folder);
        using var client = new LlamaCpp(Export(tokenizer, ChatTemplates.Read(folder), further: 3), 64);
        Assert.Equal("{{ messages }}", client.Metadata["tokenizer.chat_template"]);
        Assert.Equal("T", client.Metadata["tokenizer.chat_template.tool"]);
        Assert.Equal($"{tokenizer.EosId}", client.Metadata["tokenizer.ggml.eos_token_id"]);
        Assert.Equal("false", client.Metadata["tokenizer.ggml.add_bos_token"]);
        using GgufFile file = GgufFile.Open(_temp["t.gguf"]);
        Assert.True(file.Values.TryGet("tokenizer.ggml.tokens", out string[]? tokens));
        Assert.True(file.Values.TryGet("tokenizer.ggml.token_type", out int[]? types));
        Assert.Equal(tokenizer.VocabularySize + 3, tokens.Length);
        Assert.Equal([(int)TokenType.Control, (int)TokenType.UserDefined, 5, 5, 5], types[^5..]);
        Assert.Equal(tokens.Distinct(), tokens);
        _temp.Write("gpt-2/chat_template.jinja", "alone");
        Assert.Equal([("default", "alone")], ChatTemplates.Read(folder));
    }

    [Fact]
    public void A_tokenizer_that_llama_cpp_applies_otherwise_is_refused()
    {
        TokenizerModel bytes = TokenizerLoader.Load(Folder("gpt-2")).ToModel()!, llama = TokenizerLoader.Load(Folder("scores")).ToModel()!;
        TokenizerModel merges = TokenizerLoader.Load(Folder("merges")).ToModel()!;
        (TokenizerModel Model, string Reason)[] refused =
        [
            (bytes with { PreTokenizer = PreTokenizerPattern.Other }, "splits texts into words"),
            (bytes with { AddsPrefixSpace = true }, "a space before a text"),
            (bytes with { Normalizers = ["NFKC"] }, "NFKC"),
            (bytes with { Kind = TokenizerKind.Bpe }, "neither bytes"),
            (bytes with { AddedTokensDependOnNeighbors = true }, "the white space beside it"),
            (bytes with { RightStripIds = [bytes.Pieces.Count - 1] }, "the white space beside it"),
            (llama with { RightStripIds = [2, llama.Pieces.Count - 1] }, "the white space beside it"), // it has no <|endoftext|>
            (llama with { Normalizers = ["Prepend", "Replace \"\n\" by \"▁\""] }, "Replace \"\n\""),
            (merges with { Merges = [.. merges.Merges, ("<", "|end|>")] }, "\"<|end|>\", which is an added token"),
            (bytes with { IgnoresMerges = true, Merges = [] }, "cannot be merged"),
            (llama with { HasByteFallback = false }, "no bytes"),
            (llama with { RemovesExtraWhitespace = true }, "repeated spaces"),
            (llama with { EscapesWhitespace = false }, "▁"),
            (llama with { PreTokenizer = PreTokenizerPattern.Other }, "before it merges"),
            (merges with { Merges = [.. merges.Merges.SkipLast(1)] }, "lack"),
            (merges with { Merges = [.. merges.Merges.Skip(1), merges.Merges[0], merges.Merges[^1]] }, "do not follow one another"),
        ];
        Assert.All(refused, pair => Assert.Contains(pair.Reason, Assert.Throws<SkipwiseException>(() =>
            GgufTokenizer.Describe(new GgufMetadata(), pair.Model, pair.Model.Pieces.Count, null)).Message));
        Assert.Contains("do not belong together", Assert.Throws<SkipwiseException>(() =>
            GgufTokenizer.Describe(new GgufMetadata(), bytes, 200, null)).Message);
    }

    [Fact]
    public void What_llama_cpp_does_otherwise_on_rare_texts_is_said()
    {
        TokenizerModel model = TokenizerLoader.Load(Folder("gpt-2")).ToModel()! with { EosId = 3 };
        var notes = new List<string>();
        var metadata = new GgufMetadata();
        GgufTokenizer.Describe(metadata, model, model.Pieces.Count - 1, new SynchronousProgress<string>(notes.Add));
        Assert.Contains("<|user|>", Assert.Single(notes));
        notes.Clear();
        GgufTokenizer.Describe(new GgufMetadata(), model with { EosId = null }, model.Pieces.Count,
            new SynchronousProgress<string>(notes.Add));
        Assert.Contains("no end-of-text token, so llama.cpp takes id 11", Assert.Single(notes));
        notes.Clear();
        TokenizerModel scores = TokenizerLoader.Load(Folder("scores")).ToModel()!;
        GgufTokenizer.Describe(new GgufMetadata(), scores, scores.Pieces.Count, new SynchronousProgress<string>(notes.Add));
        Assert.Contains("a space before a text that follows an added token", Assert.Single(notes));
        notes.Clear();
        TokenizerModel merges = TokenizerLoader.Load(Folder("merges")).ToModel()! with { EosId = 2 };
        GgufTokenizer.Describe(new GgufMetadata(), merges with { Normalizers = [] }, merges.Pieces.Count,
            new SynchronousProgress<string>(notes.Add));
        Assert.Contains(notes, note => note.Contains("Metaspace", StringComparison.Ordinal));
        notes.Clear();
        GgufTokenizer.Describe(new GgufMetadata(), merges, merges.Pieces.Count, new SynchronousProgress<string>(notes.Add));
        Assert.DoesNotContain(notes, note => note.Contains("Metaspace", StringComparison.Ordinal));
        Assert.Equal(model.Pieces.Count - 1, ((string[])metadata.Values["tokenizer.ggml.tokens"]).Length);
    }

    /// <summary>A name with llama.cpp's "phi-3" in it would change how special tokens are found in a text.</summary>
    [Fact]
    public void No_name_makes_it_another_tokenizer()
    {
        using PretrainedModel pretrained = PretrainedModel.Load(new ModelSource(Fixture.Path("llama-linear8")));
        GgufExport.Write(pretrained, _temp["named.gguf"], "my-Phi-3-mini, phi3", GgufType.F32, null, [], null);
        using GgufFile file = GgufFile.Open(_temp["named.gguf"]);
        Assert.Equal("my-Phi 3-mini, Phi 3", file.Values.Values["general.name"]);
    }

    [Fact]
    public void A_template_is_read_only_from_the_folder_and_has_a_name_of_its_own()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need rights there");
        string secret = _temp.Write("secret.txt", "mine"), folder = Path.GetDirectoryName(_temp.Write("linked/config.json", "{}"))!;
        File.CreateSymbolicLink(Path.Combine(folder, "chat_template.jinja"), secret);
        Assert.Contains("leads out of the model's folder", Assert.Throws<SkipwiseException>(() => ChatTemplates.Read(folder)).Message);
        File.Delete(Path.Combine(folder, "chat_template.jinja"));
        _temp.Write("linked/tokenizer_config.json",
            """{"chat_template": [{"name": "a", "template": "1"}, {"name": "a", "template": "2"}]}""");
        Assert.Contains("has the name of another template",
            Assert.Throws<SkipwiseException>(() => ChatTemplates.Read(folder)).Message);
    }
}
