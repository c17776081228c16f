using Skipwise.Storage.Gguf;

namespace Skipwise.Tokenizers.Formats;

/// <summary>
/// Reads the tokenizer of a GGUF file (tokenizer.ggml.*): byte-level BPE with a split into words that is known by its name, or
/// SentencePiece's BPE with scores. An unknown name is an error, because a slightly wrong tokenizer would silently spoil a training run.
/// </summary>
internal static class GgufVocabulary
{
    private const string Prefix = "tokenizer.ggml.", Template = "tokenizer.chat_template";
    private const int BosId = 1, EosId = 2; // llama.cpp's for SentencePiece, of files that name none

    private readonly record struct Words(PreTokenizerPattern Rule, bool IgnoresMerges = false, bool AddsBos = false, bool Composes = false);

    // llama.cpp's names of splits, with what the tokenizers on Hugging Face that are behind the name do besides
    private static readonly Dictionary<string, Words> s_words = new()
    {
        ["gpt-2"] = new(PreTokenizerPattern.Gpt2),
        ["phi-2"] = new(PreTokenizerPattern.Gpt2),
        ["olmo"] = new(PreTokenizerPattern.Gpt2, Composes: true), // GPT-NeoX and Pythia
        ["starcoder"] = new(PreTokenizerPattern.Gpt2Digits),
        ["refact"] = new(PreTokenizerPattern.Gpt2Digits),
        ["smollm"] = new(PreTokenizerPattern.Gpt2Digits),
        ["codeshell"] = new(PreTokenizerPattern.Gpt2Digits),
        ["llama-bpe"] = new(PreTokenizerPattern.Llama3, IgnoresMerges: true, AddsBos: true),
        ["llama-v3"] = new(PreTokenizerPattern.Llama3, IgnoresMerges: true, AddsBos: true),
        ["llama3"] = new(PreTokenizerPattern.Llama3, IgnoresMerges: true, AddsBos: true),
        ["smaug-bpe"] = new(PreTokenizerPattern.Llama3),
        ["dbrx"] = new(PreTokenizerPattern.Llama3),
        ["qwen2"] = new(PreTokenizerPattern.Qwen2, Composes: true),
        ["deepseek-r1-qwen"] = new(PreTokenizerPattern.Qwen2),
    };

    /// <summary>Whether a file has a tokenizer, of whatever kind.</summary>
    public static bool IsIn(GgufKeys keys) => keys.Text(Prefix + "model") is not (null or "none" or "no_vocab");

    private static readonly string[] s_ends =
    [
        "<|eot_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>", "<|endoftext|>", "<|eom_id|>", "<EOT>", "<|end_of_text|>",
    ];

    /// <summary>The tokenizer and the chat templates as files of Hugging Face.</summary>
    /// <inheritdoc cref="Read" path="/exception"/>
    public static IReadOnlyList<(string Name, string Text)> Files(GgufKeys keys) =>
        TokenizerFiles.Of(Read(keys), Templates(keys), StripsRight(keys));

    /// <summary>Reads the tokenizer.</summary>
    /// <exception cref="SkipwiseException">the file has none, or one that is not supported; or its keys are damaged</exception>
    public static TokenizerModel Read(GgufKeys keys)
    {
        keys.RequireModel();
        string? kind = keys.Text(Prefix + "model");
        bool isSentencePiece = kind == "llama";
        if (!isSentencePiece && kind != "gpt2")
        {
            throw keys.Error(Prefix + "model", (IsIn(keys)
                ? $"\"{kind}\" is not supported; supported: gpt2 (BPE of bytes), llama (BPE of SentencePiece)"
                : "the file has no tokenizer"));
        }
        Words words = isSentencePiece ? new(PreTokenizerPattern.None, AddsBos: true) : WordsOf(keys);
        TokenizerPiece[] pieces = Pieces(keys, isSentencePiece);
        RefuseSet(keys, "add_eos_token", "puts an end token behind a text, which Skipwise does not");
        RefuseSet(keys, "remove_extra_whitespaces", "makes one space of several, which Skipwise does not");
        bool addsSpace = keys.Truth(Prefix + "add_space_prefix", isSentencePiece);
        if (addsSpace && !isSentencePiece)
        {
            throw keys.Error(Prefix + "add_space_prefix", "is true, which llama.cpp reads for SentencePiece alone");
        }
        int? Id(string role, int? missing) => (keys.Count($"{Prefix}{role}_token_id", int.MaxValue, least: 0) ?? missing) is { } id
            && id < pieces.Length && pieces[id].Type != TokenType.Unused ? id : null;
        foreach (string role in (string[])["bos", "eos"])
        {
            if (keys.Count($"{Prefix}{role}_token_id", int.MaxValue, least: 0) is { } stated && stated >= pieces.Length)
            {
                throw keys.Error($"{Prefix}{role}_token_id", $"is {stated}, and there are {pieces.Length} tokens");
            }
        }
        int bytes = pieces.Count(piece => piece.Type == TokenType.Byte);
        if (isSentencePiece && bytes is not (0 or 256))
        {
            throw keys.Error(Prefix + "token_type", $"has {bytes} byte tokens, expected none or 256");
        }
        int? bos = Id("bos", isSentencePiece ? BosId : null), eos = Id("eos", isSentencePiece ? EosId : null);
        int unknown = Array.FindIndex(pieces, piece => piece.Type == TokenType.Unknown);
        return new TokenizerModel
        {
            Kind = isSentencePiece ? TokenizerKind.SentencePieceBpe : TokenizerKind.ByteLevelBpe,
            Pieces = pieces,
            HasScores = isSentencePiece,
            Merges = isSentencePiece ? [] : Merges(keys),
            IgnoresMerges = words.IgnoresMerges,
            HasByteFallback = isSentencePiece && bytes > 0,
            PreTokenizer = words.Rule,
            Normalizers = words.Composes ? ["NFC"] : [],
            AddsPrefixSpace = addsSpace,
            EscapesWhitespace = isSentencePiece,
            BosId = bos,
            EosId = eos,
            EndIds = eos is null ? []
                : [.. ((int?[])[eos, Id("eot", null), Id("eom", null), .. EndsByText(pieces)]).OfType<int>().Distinct()],
            UnknownId = unknown < 0 ? null : unknown,
            PadId = Id("padding", null),
            AddsBos = keys.Truth(Prefix + "add_bos_token", words.AddsBos) && bos is not null,
        };
    }

    /// <summary>The chat templates by name; <c>default</c> is the one without a name.</summary>
    /// <exception cref="SkipwiseException">one is no text</exception>
    public static IReadOnlyList<(string Name, string Text)> Templates(GgufKeys keys) =>
    [
        .. keys.All.Where(key => key == Template || key.StartsWith(Template + ".", StringComparison.Ordinal))
            .Select(key => (key == Template ? ChatTemplateFiles.Default : key[(Template.Length + 1)..], keys.Text(key)!)),
    ];

    /// <summary>Tokens that end an answer by what they are called, as in llama.cpp: converters state one end token, and chat models have
    /// several.</summary>
    private static IEnumerable<int?> EndsByText(TokenizerPiece[] pieces) => pieces.Index()
        .Where(piece => piece.Item.Type is TokenType.Control or TokenType.UserDefined && s_ends.Contains(piece.Item.Text))
        .Select(piece => (int?)piece.Index);

    /// <summary>
    /// The tokens of Phi 3 take the white space behind them along, but for some, and no key can say it. The model is known by its name, as
    /// in llama.cpp, and, because converters now write another name, by its architecture and a token of its vocabulary.
    /// </summary>
    private static Predicate<string> StripsRight(GgufKeys keys)
    {
        string name = keys.Text("general.name") ?? "";
        bool isPhi3 = name.Contains("phi-3", StringComparison.OrdinalIgnoreCase)
            || name.Contains("phi3", StringComparison.OrdinalIgnoreCase)
            || (keys.Text("general.architecture") == "phi3" && keys.Text(Prefix + "model") == "llama"
                && keys.List<string>(Prefix + "tokens")?.Contains("<|end|>") is true);
        return isPhi3 ? text => text is not ("<unk>" or "<s>" or "<|endoftext|>") : _ => false;
    }

    private static Words WordsOf(GgufKeys keys)
    {
        string? name = keys.Text(Prefix + "pre");
        return name is not null && s_words.TryGetValue(name, out Words words) ? words
            : throw keys.Error(Prefix + "pre", (name is null ? "missing, so the pre-tokenizer is not known"
                : $"the pre-tokenizer \"{name}\" is not known") + $"; known: {string.Join(", ", s_words.Keys)}");
    }

    private static TokenizerPiece[] Pieces(GgufKeys keys, bool isSentencePiece)
    {
        string[] texts = keys.List<string>(Prefix + "tokens") ?? throw keys.Error(Prefix + "tokens", "missing");
        int[]? types = keys.List<int>(Prefix + "token_type");
        float[]? scores = keys.List<float>(Prefix + "scores");
        RequireLength(keys, "token_type", types?.Length ?? (isSentencePiece ? 0 : texts.Length), texts.Length);
        RequireLength(keys, "scores", isSentencePiece ? scores?.Length ?? 0 : texts.Length, texts.Length);
        var pieces = new TokenizerPiece[texts.Length];
        var seen = new HashSet<string>(StringComparer.Ordinal);
        for (int id = 0; id < pieces.Length; id++)
        {
            var type = (TokenType)(types?[id] ?? (int)TokenType.Normal);
            if (!Enum.IsDefined(type))
            {
                throw keys.Error(Prefix + "token_type", $"token {id} (\"{texts[id]}\") has the unknown type {(int)type}");
            }
            if (type == TokenType.Unused)
            {
                pieces[id] = new("", type);
                continue;
            }
            if (texts[id].Length == 0 || !seen.Add(texts[id]))
            {
                throw keys.Error(Prefix + "tokens", $"token {id} (\"{texts[id]}\") is empty or there twice");
            }
            float score = isSentencePiece ? scores![id] : 0;
            pieces[id] = float.IsFinite(score) ? new(texts[id], type, score)
                : throw keys.Error(Prefix + "scores", $"the score of token {id} (\"{texts[id]}\") is no finite number");
        }
        float[] ranks = isSentencePiece ? [.. pieces.Where(piece => piece.Type == TokenType.Normal).Select(piece => piece.Score)] : [];
        if (ranks.Length > 1 && ranks.Distinct().Count() == 1)
        {
            // llama.cpp would merge from left to right, Hugging Face by the list of merges that the converter left out
            throw keys.Error(Prefix + "scores", "are all equal, so the order of merges is not in the file");
        }
        return pieces;
    }

    private static (string, string)[] Merges(GgufKeys keys)
    {
        string[] merges = keys.List<string>(Prefix + "merges") ?? throw keys.Error(Prefix + "merges", "missing");
        return [.. merges.Select(merge => merge.Split(' ') is [{ Length: > 0 } left, { Length: > 0 } right] ? (left, right)
            : throw keys.Error(Prefix + "merges", $"\"{merge}\" is not a pair of pieces with one space between them"))];
    }

    private static void RequireLength(GgufKeys keys, string name, int found, int expected)
    {
        if (found != expected)
        {
            throw keys.Error(Prefix + name, $"has {found} items, expected one for each of {expected} tokens");
        }
    }

    private static void RefuseSet(GgufKeys keys, string name, string what)
    {
        if (keys.Truth(Prefix + name, missing: false))
        {
            throw keys.Error(Prefix + name, $"is true: this tokenizer {what}");
        }
    }
}
