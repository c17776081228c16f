using System.Text.Json.Nodes;

namespace Skipwise.Tokenizers.Formats;

/// <summary>
/// A tokenizer of any format as files of Hugging Face: tokenizer.json, tokenizer_config.json, and generation_config.json for the tokens
/// that end a text. What is loaded from a GGUF file goes through these texts, so a saved model has the tokenizer it was trained with.
/// </summary>
internal static class TokenizerFiles
{
    /// <summary>Name of the tokenizer itself.</summary>
    public const string Main = "tokenizer.json";

    /// <summary>Makes the files.</summary>
    /// <param name="tokenizer">byte-level, or SentencePiece's with scores</param>
    /// <param name="templates">of chats; the one named default has no name</param>
    /// <param name="stripsRight">whether an added token of this text takes the white space behind it along</param>
    public static IReadOnlyList<(string Name, string Text)> Of(
        TokenizerModel tokenizer, IReadOnlyList<(string Name, string Text)> templates, Predicate<string> stripsRight)
    {
        string? TextOf(int? id) => id is { } known ? tokenizer.Pieces[known].Text : null;
        var settings = new JsonObject
        {
            ["tokenizer_class"] = "PreTrainedTokenizerFast",
            ["add_bos_token"] = tokenizer.AddsBos,
            ["add_eos_token"] = false,
            ["clean_up_tokenization_spaces"] = false,
        };
        var generation = new JsonObject();
        void Add(string role, int? id)
        {
            if (id is not null)
            {
                settings[$"{role}_token"] = TextOf(id);
            }
        }
        Add("bos", tokenizer.BosId);
        Add("eos", tokenizer.EosId);
        Add("pad", tokenizer.PadId);
        Add("unk", tokenizer.UnknownId);
        if (tokenizer.BosId is { } bos)
        {
            generation["bos_token_id"] = bos;
        }
        if (tokenizer.EndIds.Count > 0)
        {
            generation["eos_token_id"] = TokenizerJsonParts.Array(tokenizer.EndIds.Select(id => (JsonNode)id));
        }
        if (templates is [{ Name: "default" } only])
        {
            settings["chat_template"] = only.Text;
        }
        else if (templates.Count > 0)
        {
            settings["chat_template"] = TokenizerJsonParts.Array(templates.Select(template =>
                new JsonObject { ["name"] = template.Name, ["template"] = template.Text }));
        }
        return
        [
            (Main, TokenizerJsonParts.Text(Json(tokenizer, TextOf, stripsRight))),
            ("tokenizer_config.json", TokenizerJsonParts.Text(settings)),
            ("generation_config.json", TokenizerJsonParts.Text(generation)),
        ];
    }

    private static JsonObject Json(TokenizerModel tokenizer, Func<int?, string?> textOf, Predicate<string> stripsRight)
    {
        bool isSentencePiece = tokenizer.Kind == TokenizerKind.SentencePieceBpe;
        (TokenizerPiece Piece, int Id)[] pieces =
            [.. tokenizer.Pieces.Select((piece, id) => (piece, id)).Where(pair => pair.piece.Type != TokenType.Unused)];
        JsonObject model = TokenizerJsonParts.Model(
            pieces.Select(pair => (pair.Piece.Text, pair.Id)), tokenizer.HasScores ? ByScore(pieces) : [.. tokenizer.Merges]);
        model["unk_token"] = isSentencePiece ? textOf(tokenizer.UnknownId) : null;
        model["fuse_unk"] = isSentencePiece;
        model["byte_fallback"] = tokenizer.HasByteFallback;
        model["ignore_merges"] = tokenizer.IgnoresMerges;
        return new JsonObject
        {
            ["version"] = "1.0",
            ["truncation"] = null,
            ["padding"] = null,
            ["added_tokens"] = TokenizerJsonParts.Array(pieces
                .Where(pair => pair.Piece.Type is TokenType.Control or TokenType.Unknown or TokenType.UserDefined)
                .Select(pair => TokenizerJsonParts.AddedToken(
                    pair.Id, pair.Piece.Text, pair.Piece.Type != TokenType.UserDefined, stripsRight(pair.Piece.Text)))),
            ["normalizer"] = isSentencePiece ? Marks(tokenizer.AddsPrefixSpace)
                : tokenizer.Normalizers.Count > 0 ? new JsonObject { ["type"] = "NFC" } : null,
            ["pre_tokenizer"] = isSentencePiece ? null : Words(tokenizer.PreTokenizer),
            ["post_processor"] = tokenizer is { AddsBos: true, BosId: { } bos } ? TokenizerJsonParts.BeginFirst(textOf(bos)!, bos) : null,
            ["decoder"] = isSentencePiece ? Unmarks(tokenizer.AddsPrefixSpace) : TokenizerJsonParts.ByteLevel(),
            ["model"] = model,
        };
    }

    /// <summary>The merges of SentencePiece as transformers derives them: each piece in every way, the one of the best score
    /// first.</summary>
    private static (string, string)[] ByScore((TokenizerPiece Piece, int Id)[] pieces)
    {
        (TokenizerPiece Piece, int Id)[] normal =
            [.. pieces.Where(pair => pair.Piece.Type == TokenType.Normal).OrderByDescending(pair => pair.Piece.Score)];
        var ranks = normal.Select((pair, rank) => (pair.Id, rank)).ToDictionary(pair => pair.Id, pair => pair.rank);
        var vocabulary = normal.ToDictionary(pair => pair.Piece.Text, pair => pair.Id, StringComparer.Ordinal);
        return
        [
            .. BytePairEncoder.EveryWay(vocabulary, id => ranks[id]).OrderBy(merge => merge.Rank)
                .Select(merge => (merge.Left, merge.Right)),
        ];
    }

    private static JsonObject Words(PreTokenizerPattern rule) => rule switch
    {
        PreTokenizerPattern.Gpt2 => TokenizerJsonParts.ByteLevel(),
        PreTokenizerPattern.Gpt2Digits => Sequence("pretokenizers", TokenizerJsonParts.Digits(), TokenizerJsonParts.ByteLevel()),
        _ => Sequence("pretokenizers",
            new JsonObject
            {
                ["type"] = "Split",
                ["pattern"] = new JsonObject { ["Regex"] = ByteLevelBpe.RegexOf(rule) },
                ["behavior"] = "Isolated",
                ["invert"] = false,
            },
            TokenizerJsonParts.ByteLevel(useRegex: false)),
    };

    private static JsonObject Marks(bool addsPrefixSpace)
    {
        JsonObject spaces = Replace(" ", Normalizers.Metaspace);
        return addsPrefixSpace
            ? Sequence("normalizers", new JsonObject { ["type"] = "Prepend", ["prepend"] = Normalizers.Metaspace }, spaces)
            : Sequence("normalizers", spaces);
    }

    private static JsonObject Unmarks(bool addsPrefixSpace)
    {
        JsonObject[] steps =
        [
            Replace(Normalizers.Metaspace, " "), new() { ["type"] = "ByteFallback" }, new() { ["type"] = "Fuse" },
        ];
        return Sequence("decoders", addsPrefixSpace
            ? [.. steps, new JsonObject { ["type"] = "Strip", ["content"] = " ", ["start"] = 1, ["stop"] = 0 }] : steps);
    }

    private static JsonObject Replace(string from, string to) =>
        new() { ["type"] = "Replace", ["pattern"] = new JsonObject { ["String"] = from }, ["content"] = to };

    private static JsonObject Sequence(string name, params JsonObject[] steps) =>
        new() { ["type"] = "Sequence", [name] = TokenizerJsonParts.Array(steps) };
}
