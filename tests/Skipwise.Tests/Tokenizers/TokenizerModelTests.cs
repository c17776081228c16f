using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using Skipwise.Tests.Evaluation.Tasks;
using Skipwise.Tests.Tokenizers.Formats;
using Skipwise.Tokenizers;
using Skipwise.Tokenizers.Formats;

namespace Skipwise.Tests.Tokenizers;

/// <summary>The record of a tokenizer says what its file says, and a tokenizer made from the record encodes as the file's does.</summary>
public sealed class TokenizerModelTests : IDisposable
{
    private const string Text = TinyBpe.Corpus + " 🦙 <s>the mill</s>  the mill<|end|>!!!!!";
    private static readonly TinyBpe s_bytes = TinyBpe.ByteLevel(), s_llama = TinyBpe.AcrossWords();
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    private ITokenizer Load(params (string Name, string Content)[] files)
    {
        foreach (var (name, content) in files)
        {
            _temp.Write(Path.Combine("model", name), content);
        }
        return TokenizerLoader.Load(_temp["model"]);
    }

    private ITokenizer Load(string name, byte[] content, params (string Name, string Content)[] files)
    {
        _temp.Write(Path.Combine("model", name), content);
        return Load(files);
    }

    [Fact]
    public void A_byte_level_tokenizer_json()
    {
        int first = s_bytes.Pieces.Count;
        ITokenizer tokenizer = Load(
            ("tokenizer.json", s_bytes.ByteLevelJson(
                [TinyBpe.Added(first, "<|end|>"), TinyBpe.Added(first + 1, "é  ", special: false), TinyBpe.Added(first + 2, "<|pad|>")])),
            ("special_tokens_map.json", """{"eos_token": "<|end|>", "pad_token": "<|pad|>"}"""),
            ("generation_config.json", $$"""{"eos_token_id": [7, {{first}}]}"""));
        TokenizerModel model = tokenizer.ToModel()!;
        Assert.Equal(
            [
                .. s_bytes.Pieces.Select(piece => new TokenizerPiece(piece, TokenType.Normal)),
                new("<|end|>", TokenType.Control), new("é  ", TokenType.UserDefined), new("<|pad|>", TokenType.Control),
            ],
            model.Pieces);
        Assert.Equal(s_bytes.Merges, model.Merges);
        Assert.Equal((TokenizerKind.ByteLevelBpe, PreTokenizerPattern.Gpt2, false), (model.Kind, model.PreTokenizer, model.HasScores));
        Assert.Equal((null, first, null, first + 2), (model.BosId, model.EosId, model.UnknownId, model.PadId));
        Assert.Equal([first, 7], model.EndIds);
        Assert.False(model.AddsPrefixSpace || model.HasByteFallback || model.IgnoresMerges || model.AddsBos || model.EscapesWhitespace);
        Assert.Empty(model.Normalizers);
        RequireSame(tokenizer, model);
    }

    [Fact]
    public void A_tokenizer_json_with_byte_fallback()
    {
        TokenizerModel model = Load(("tokenizer.json", s_llama.LlamaJson()), ("config.json", """{"eos_token_id": 2}""")).ToModel()!;
        Assert.Equal(s_llama.Pieces, model.Pieces.Select(piece => piece.Text));
        Assert.Equal(
            [
                TokenType.Unknown, TokenType.Control, TokenType.Control, .. Enumerable.Repeat(TokenType.Byte, 256),
                .. Enumerable.Repeat(TokenType.Normal, s_llama.Pieces.Count - 259),
            ],
            model.Pieces.Select(piece => piece.Type));
        Assert.Equal(s_llama.Merges, model.Merges);
        Assert.Equal((TokenizerKind.SentencePieceBpe, PreTokenizerPattern.None), (model.Kind, model.PreTokenizer));
        Assert.Equal((1, 2, 0, null), (model.BosId, model.EosId, model.UnknownId, model.PadId));
        Assert.True(model.AddsPrefixSpace && model.HasByteFallback && model.AddsBos && model.EscapesWhitespace);
        Assert.False(model.HasScores || model.IgnoresMerges);
        Assert.Equal(["Prepend", "Replace"], model.Normalizers);
    }

    [Fact]
    public void An_id_without_a_piece_is_unused()
    {
        const string json = """{"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 4}, "merges": ["a b"], "ignore_merges": true}}""";
        TokenizerModel model = Load(("tokenizer.json", json)).ToModel()!;
        Assert.Equal(
            [
                new("a", TokenType.Normal), new("b", TokenType.Normal), new("", TokenType.Unused), new("", TokenType.Unused),
                new("ab", TokenType.Normal),
            ],
            model.Pieces);
        Assert.Equal((TokenizerKind.Bpe, PreTokenizerPattern.None, true), (model.Kind, model.PreTokenizer, model.IgnoresMerges));
    }

    /// <summary>The expressions are written out as in the models' own files.</summary>
    [Theory]
    [InlineData(PreTokenizerPattern.Llama3, """
        {"type": "Sequence", "pretokenizers": [{"type": "Split", "behavior": "Isolated", "invert": false, "pattern": {"Regex":
        "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
        }}, {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]}
        """)]
    [InlineData(PreTokenizerPattern.Qwen2, """
        {"type": "Sequence", "pretokenizers": [{"type": "Split", "behavior": "Isolated", "invert": false, "pattern": {"Regex":
        "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
        }}, {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]}
        """)]
    [InlineData(PreTokenizerPattern.Other, """
        {"type": "Sequence", "pretokenizers": [{"type": "Split", "behavior": "Removed", "pattern": {"Regex":
        "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
        }}, {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]}
        """)]
    [InlineData(PreTokenizerPattern.Gpt2Digits, """
        {"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": true},
        {"type": "ByteLevel", "add_prefix_space": false}]}
        """)]
    [InlineData(PreTokenizerPattern.Other, """
        {"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": false},
        {"type": "ByteLevel", "add_prefix_space": false}]}
        """)]
    [InlineData(PreTokenizerPattern.Other, """{"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}""")]
    [InlineData(PreTokenizerPattern.Other, """{"type": "Metaspace", "prepend_scheme": "never"}""")]
    [InlineData(PreTokenizerPattern.None, """{"type": "Metaspace", "prepend_scheme": "never", "split": false}""")]
    public void The_split_into_words_is_recognized(PreTokenizerPattern expected, string preTokenizer)
    {
        string json = s_bytes.Json(preTokenizer: JsonSerializer.Deserialize<JsonElement>(preTokenizer));
        TokenizerModel model = Load(("tokenizer.json", json)).ToModel()!;
        Assert.Equal(expected, model.PreTokenizer);
        Assert.Equal(preTokenizer.Contains("Metaspace") ? TokenizerKind.SentencePieceBpe : TokenizerKind.ByteLevelBpe, model.Kind);
        Assert.False(model.AddsPrefixSpace);
    }

    [Theory]
    [InlineData(true, """{"type": "ByteLevel", "add_prefix_space": false}""", """{"add_prefix_space": true}""")]
    [InlineData(false, """{"type": "ByteLevel", "add_prefix_space": true}""", """{"add_prefix_space": false}""")]
    [InlineData(true, """{"type": "Metaspace", "prepend_scheme": "first"}""", "{}")]
    public void The_setting_that_takes_precedence_is_the_one_described(bool expected, string preTokenizer, string config) =>
        Assert.Equal(expected, Load(
            ("tokenizer.json", s_bytes.Json(preTokenizer: JsonSerializer.Deserialize<JsonElement>(preTokenizer))),
            ("tokenizer_config.json", config)).ToModel()!.AddsPrefixSpace);

    [Fact]
    public void A_SentencePiece_model()
    {
        (string Text, float Score, int Type)[] pieces =
        [
            .. SentencePieceFile.Llama([.. s_llama.Pieces.Skip(259).Select((piece, i) => (piece, -(float)i))]),
            ("<|end|>", 0, SentencePieceFile.UserDefined),
        ];
        ITokenizer tokenizer = Load("tokenizer.model", SentencePieceFile.Make(pieces, removeExtraWhitespaces: true));
        TokenizerModel model = tokenizer.ToModel()!;
        Assert.Equal(pieces, model.Pieces.Select(piece => (piece.Text, piece.Score, (int)piece.Type)));
        Assert.Equal((TokenizerKind.SentencePieceBpe, PreTokenizerPattern.None), (model.Kind, model.PreTokenizer));
        Assert.Equal((1, 2, 0, null), (model.BosId, model.EosId, model.UnknownId, model.PadId));
        Assert.True(model.HasScores && model.AddsPrefixSpace && model.HasByteFallback && model.AddsBos);
        Assert.True(model.RemovesExtraWhitespace && model.EscapesWhitespace);
        Assert.Empty(model.Merges);
        RequireSame(tokenizer, model);
        TokenizerModel bare = Load("tokenizer.model", SentencePieceFile.Make(pieces, dummyPrefix: false, byteFallback: false),
            ("tokenizer_config.json", """{"add_bos_token": false, "pad_token": "<unk>"}""")).ToModel()!;
        Assert.False(bare.AddsPrefixSpace || bare.HasByteFallback || bare.AddsBos || bare.RemovesExtraWhitespace);
        Assert.Equal(0, bare.PadId);
        RequireSame(TokenizerLoader.Load(_temp["model"]), bare);
    }

    [Fact]
    public void A_vocabulary_with_merges()
    {
        int end = s_bytes.Pieces.Count;
        var vocabulary = s_bytes.Vocabulary.Append(new("<|endoftext|>", end)).ToDictionary();
        ITokenizer tokenizer = Load(
            ("vocab.json", JsonSerializer.Serialize(vocabulary)),
            ("merges.txt", "#version: 0.2\n" + string.Join('\n', s_bytes.Merges.Select(merge => $"{merge.Left} {merge.Right}"))),
            ("tokenizer_config.json", """{"tokenizer_class": "Qwen2Tokenizer", "unk_token": "<|endoftext|>"}"""));
        TokenizerModel model = tokenizer.ToModel()!;
        Assert.Equal(
            [.. s_bytes.Pieces.Select(piece => new TokenizerPiece(piece, TokenType.Normal)), new("<|endoftext|>", TokenType.Control)],
            model.Pieces);
        Assert.Equal(s_bytes.Merges, model.Merges);
        Assert.Equal((TokenizerKind.ByteLevelBpe, PreTokenizerPattern.Qwen2), (model.Kind, model.PreTokenizer));
        Assert.Equal(["NFC"], model.Normalizers);
        Assert.Equal((end, end, end, null), (model.BosId, model.EosId, model.UnknownId, model.PadId));
        RequireSame(tokenizer, model);
    }

    [Fact]
    public void Ranks_of_tiktoken()
    {
        const int size = 50256; // by which GPT-2's are told
        byte[][] ranks =
        [
            .. s_bytes.Pieces.Select(ByteAlphabet.ToBytes),
            .. Enumerable.Range(0, size - s_bytes.Pieces.Count).Select(i => (byte[])[0xFF, .. BitConverter.GetBytes(i), 0xFF]),
        ];
        ITokenizer tokenizer = Load(
            ("gpt2.tiktoken", string.Join('\n', ranks.Select((bytes, rank) => $"{Convert.ToBase64String(bytes)} {rank}"))));
        TokenizerModel model = tokenizer.ToModel()!;
        Assert.Equal(
            [
                .. ranks.Select(bytes => new TokenizerPiece(string.Concat(bytes.Select(ByteAlphabet.ToCharacter)), TokenType.Normal)),
                new("<|endoftext|>", TokenType.Control),
            ],
            model.Pieces);
        Assert.Equal((TokenizerKind.ByteLevelBpe, PreTokenizerPattern.Gpt2, true), (model.Kind, model.PreTokenizer, model.IgnoresMerges));
        Assert.Equal((size, size, null, null), (model.BosId, model.EosId, model.UnknownId, model.PadId));
        // the pairs that it was trained with, and others that give the same pieces, by the rank of what they give
        Assert.Subset(model.Merges.ToHashSet(), s_bytes.Merges.ToHashSet());
        int[] made = [.. model.Merges.Select(merge => s_bytes.Vocabulary[merge.Left + merge.Right])];
        Assert.Equal(made.Order(), made);
        RequireSame(tokenizer, model);
    }

    [Fact]
    public void A_tokenizer_of_llama2c_is_described_as_the_SentencePiece_model_it_was_made_from()
    {
        (string Text, float Score, int Type)[] pieces =
            [.. SentencePieceFile.Llama([.. s_llama.Pieces.Skip(259).Select((piece, i) => (piece, -(float)i))])];
        var file = new List<byte>([128, 0, 0, 0]);
        foreach (var (text, score, _) in pieces)
        {
            string spelled = text switch { "<s>" => "\n<s>\n", "</s>" => "\n</s>\n", _ => text.Replace('▁', ' ') };
            byte[] header = new byte[8], piece = Encoding.UTF8.GetBytes(spelled);
            BinaryPrimitives.WriteSingleLittleEndian(header, score);
            BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(4), piece.Length);
            file.AddRange([.. header, .. piece]);
        }
        ITokenizer tokenizer = Load("tokenizer.bin", [.. file]);
        TokenizerModel model = tokenizer.ToModel()!;
        RequireSame(tokenizer, model);
        ITokenizer original = Load("tokenizer.model", SentencePieceFile.Make(pieces));
        RequireEqual(original.ToModel()!, model);
        Assert.Equal(original.Encode(Text), tokenizer.Encode(Text));
    }

    [Fact]
    public void A_bound_changes_no_description_and_words_without_pieces_have_none()
    {
        ITokenizer tokenizer = Load(("tokenizer.json", s_bytes.ByteLevelJson()));
        ITokenizer bounded = BoundedTokenizer.Create(tokenizer, tokenizer.VocabularySize - 1);
        Assert.IsType<BoundedTokenizer>(bounded);
        RequireEqual(tokenizer.ToModel()!, bounded.ToModel()!);
        Assert.Null(((ITokenizer)new ListTokenizer("a")).ToModel());
    }

    /// <summary>A tokenizer made from the record alone gives the same ids and the same record.</summary>
    private void RequireSame(ITokenizer tokenizer, TokenizerModel model)
    {
        BpeTokenizer rebuilt = Rebuilt(model);
        Assert.Equal(tokenizer.Encode(Text), rebuilt.Encode(Text));
        Assert.Equal(TokenizerFingerprint.Compute(tokenizer), TokenizerFingerprint.Compute(rebuilt));
        RequireEqual(model, rebuilt.ToModel());
    }

    private BpeTokenizer Rebuilt(TokenizerModel model)
    {
        if (model.HasScores)
        {
            Directory.CreateDirectory(_temp["nothing beside"]);
            return SentencePieceBpe.Create(model, new TokenizerSettings(_temp["nothing beside"]));
        }
        var pieces = model.Pieces.Select((piece, id) => (piece.Text, piece.Type, Id: id)).ToList();
        return ByteLevelBpe.Create(
            pieces.Where(piece => piece.Type == TokenType.Normal).ToDictionary(piece => piece.Text, piece => piece.Id),
            model.Merges.Select((merge, rank) => (merge.Left, merge.Right, rank)),
            model.PreTokenizer,
            [
                .. pieces.Where(piece => piece.Type != TokenType.Normal)
                    .Select(piece => new AddedToken(piece.Id, piece.Text, piece.Type == TokenType.Control)),
            ],
            new SpecialTokens(model.BosId, model.EosId, model.EndIds, model.AddsBos, model.PadId, model.UnknownId),
            model.IgnoresMerges, model.AddsPrefixSpace, nfc: model.Normalizers.Contains("NFC"));
    }

    private static void RequireEqual(TokenizerModel expected, TokenizerModel actual)
    {
        Assert.Equal(expected.Pieces, actual.Pieces);
        Assert.Equal(expected.Merges, actual.Merges);
        Assert.Equal(expected.EndIds, actual.EndIds);
        Assert.Equal(expected.Normalizers, actual.Normalizers);
        Assert.Equal(Rest(expected), Rest(actual));

        Assert.Equal(expected.RightStripIds, actual.RightStripIds);

        static TokenizerModel Rest(TokenizerModel model) =>
            model with { Pieces = [], Merges = [], EndIds = [], Normalizers = [], RightStripIds = [] };
    }
}
