using Skipwise.Storage.Gguf;
using Skipwise.Tokenizers;

namespace Skipwise.Checkpoints.Gguf;

/// <summary>
/// A tokenizer in llama.cpp's terms. llama.cpp implements the split into words and the normalization itself, chosen by name. A tokenizer
/// that it would apply in another way is refused.
/// </summary>
internal static class GgufTokenizer
{
    private const string Prefix = "tokenizer.ggml.";

    private static readonly string[] s_namedInPhi3 = ["</s>", "<unk>", "<s>", "<|endoftext|>"]; // llama.cpp loads no Phi 3 without them

    /// <summary>Adds the keys of a tokenizer.</summary>
    /// <param name="metadata">receives them</param>
    /// <param name="rows">of the model's embedding; ids beyond the tokenizer's are filled up, as unused</param>
    /// <param name="note">receives what llama.cpp does otherwise on rare texts</param>
    /// <exception cref="SkipwiseException">llama.cpp would give other ids</exception>
    public static void Describe(GgufMetadata metadata, TokenizerModel tokenizer, int rows, IProgress<string>? note)
    {
        if (tokenizer.AddedTokensDependOnNeighbors || (tokenizer.RightStripIds.Count > 0 && !StripsAsPhi3(tokenizer)))
        {
            throw Refused(
                "an added token takes the white space beside it along, or is one only as a whole word (lstrip, rstrip, single_word)");
        }
        TokenizerPiece[] pieces = Pieces(tokenizer, rows, note);
        bool isSentencePiece = tokenizer.Kind == TokenizerKind.SentencePieceBpe;
        metadata.Add(Prefix + "model", isSentencePiece ? "llama" : "gpt2");
        metadata.Add(Prefix + "pre", isSentencePiece ? "default" : PreTokenizer(tokenizer));
        metadata.Add(Prefix + "tokens", pieces.Select((piece, id) => piece.Type == TokenType.Unused ? $"[PAD{id}]" : piece.Text).ToArray());
        metadata.Add(Prefix + "token_type", pieces.Select(piece => (int)piece.Type).ToArray());
        if (isSentencePiece)
        {
            RequireSentencePiece(tokenizer, note);
            metadata.Add(Prefix + "scores",
                tokenizer.HasScores ? pieces.Select(piece => piece.Score).ToArray() : MergeScores.Of(tokenizer, rows));
            metadata.Add(Prefix + "add_space_prefix", tokenizer.AddsPrefixSpace);
        }
        else
        {
            RequireByteLevel(tokenizer, note);
            metadata.Add(Prefix + "merges", tokenizer.Merges.Select(merge => $"{merge.Left} {merge.Right}").ToArray());
        }
        if (tokenizer.EosId is null)
        {
            note?.Report(
                $"warning: the tokenizer names no end-of-text token, so llama.cpp takes id {(isSentencePiece ? 2 : 11)} for it and " +
                "stops there");
        }
        AddSpecial(metadata, tokenizer, rows);
    }

    /// <summary>
    /// Whether the tokens that take the white space behind them along are those of Phi 3. llama.cpp has this rule for models of that name,
    /// of any architecture, and no key for it.
    /// </summary>
    public static bool StripsAsPhi3(TokenizerModel tokenizer)
    {
        HashSet<string> texts = [.. tokenizer.Pieces.Select(piece => piece.Text)];
        return tokenizer.Kind == TokenizerKind.SentencePieceBpe && s_namedInPhi3.All(texts.Contains) && tokenizer.RightStripIds.Order()
            .SequenceEqual(tokenizer.Pieces.Index().Where(piece => piece.Item.Text == "</s>"
                || (piece.Item.Type is TokenType.Control or TokenType.UserDefined or TokenType.Unknown
                    && piece.Item.Text is not ("<unk>" or "<s>" or "<|endoftext|>"))).Select(piece => piece.Index));
    }

    private static void AddSpecial(GgufMetadata metadata, TokenizerModel tokenizer, int rows)
    {
        void AddId(string role, int? id) => metadata.Add($"{Prefix}{role}_token_id", id < rows ? (uint)id : null);
        AddId("bos", tokenizer.BosId ?? tokenizer.EosId); // without one llama.cpp has an id of its own, of any piece
        AddId("eos", tokenizer.EosId);
        int[] otherEnds = [.. tokenizer.EndIds.Where(id => id != tokenizer.EosId)];
        AddId("eot", otherEnds is [int end, ..] ? end : null); // the end of a turn; llama.cpp knows more of them by their texts
        AddId("unknown", tokenizer.UnknownId);
        AddId("padding", tokenizer.PadId);
        metadata.Add(Prefix + "add_bos_token", tokenizer.AddsBos);
        metadata.Add(Prefix + "add_eos_token", false);
    }

    /// <summary>The pieces of the ids that the model has a row for. Ids that only the model has are unused.</summary>
    private static TokenizerPiece[] Pieces(TokenizerModel tokenizer, int rows, IProgress<string>? note)
    {
        IReadOnlyList<TokenizerPiece> beyond = [.. tokenizer.Pieces.Skip(rows)];
        if (beyond.Any(piece => piece.Type is TokenType.Normal or TokenType.Byte))
        {
            throw Refused($"it has {tokenizer.Pieces.Count} ids, and the model {rows}: tokenizer and model do not belong together");
        }
        if (beyond.Count > 0)
        {
            note?.Report(
                $"warning: left out of the file, because the model has only {rows} rows: " +
                string.Join(", ", beyond.Select(piece => piece.Text)));
        }
        return
        [
            .. tokenizer.Pieces.Take(rows),
            .. Enumerable.Repeat(new TokenizerPiece("", TokenType.Unused), Math.Max(0, rows - tokenizer.Pieces.Count)),
        ];
    }

    /// <summary>llama.cpp's name of the split into words. Two of its names split as Llama 3 does, one with ignore_merges and one
    /// without.</summary>
    private static string PreTokenizer(TokenizerModel tokenizer)
    {
        string name = tokenizer.PreTokenizer switch
        {
            PreTokenizerPattern.Gpt2 => "gpt-2",
            PreTokenizerPattern.Gpt2Digits => "starcoder",
            PreTokenizerPattern.Llama3 => tokenizer.IgnoresMerges ? "llama-bpe" : "smaug-bpe",
            PreTokenizerPattern.Qwen2 => "qwen2",
            _ => throw Refused("it splits texts into words in a way that has no name there"),
        };
        return tokenizer.IgnoresMerges && name != "llama-bpe" && !AreMergesEnough(tokenizer)
            ? throw Refused("some of its pieces cannot be merged from smaller ones, and llama.cpp would never use them (ignore_merges)")
            : name;
    }

    /// <summary>Whether every piece is what merging its characters gives, so that ignore_merges has no effect.</summary>
    private static bool AreMergesEnough(TokenizerModel tokenizer)
    {
        var merged = tokenizer.Merges.Select(merge => merge.Left + merge.Right).ToHashSet(StringComparer.Ordinal);
        return tokenizer.Pieces.All(piece => piece.Type != TokenType.Normal || piece.Text.Length == 1 || merged.Contains(piece.Text));
    }

    private static void RequireByteLevel(TokenizerModel tokenizer, IProgress<string>? note)
    {
        if (tokenizer.Kind != TokenizerKind.ByteLevelBpe)
        {
            throw Refused("its pieces are characters, neither bytes (GPT-2) nor SentencePiece's");
        }
        if (tokenizer.AddsPrefixSpace)
        {
            throw Refused("it puts a space before a text, which llama.cpp does for SentencePiece alone");
        }
        if (tokenizer.Normalizers.Any(name => name != "NFC"))
        {
            throw Refused($"it rewrites texts ({string.Join(", ", tokenizer.Normalizers)})");
        }
        if (tokenizer.Normalizers.Count > 0)
        {
            note?.Report(
                "note: llama.cpp does not compose accents (NFC) as this tokenizer does: a text with decomposed ones gets other ids there");
        }
    }

    private static void RequireSentencePiece(TokenizerModel tokenizer, IProgress<string>? note)
    {
        if (tokenizer.AddsPrefixSpace && tokenizer.Pieces.Any(piece => piece.Type == TokenType.UserDefined))
        {
            note?.Report("note: llama.cpp puts a space before a text that follows an added token, where SentencePiece puts none");
        }
        if (tokenizer.AddsPrefixSpace && !tokenizer.HasScores && !tokenizer.Normalizers.Contains("Prepend"))
        {
            note?.Report(
                "note: llama.cpp puts a space before every text, where this tokenizer (Metaspace) puts none before one that begins with " +
                "a space, nor, if its prepend_scheme is first, behind a special token");
        }
        string? reason = tokenizer.PreTokenizer != PreTokenizerPattern.None ? "it splits texts into words before it merges"
            : !tokenizer.HasByteFallback ? "it has no bytes for unknown characters"
            : !tokenizer.EscapesWhitespace ? "its pieces do not have ▁ for a space"
            : tokenizer.RemovesExtraWhitespace ? "it removes repeated spaces"
            : tokenizer.Normalizers.Any(name => name is not ("Prepend" or "Replace"))
            ? $"it rewrites texts ({string.Join(", ", tokenizer.Normalizers)})" : null;
        if (reason is not null)
        {
            throw Refused(reason);
        }
    }

    internal static SkipwiseException Refused(string reason) =>
        new($"llama.cpp cannot apply this tokenizer: {reason}. Export as a Hugging Face folder, which train and merge write");
}
