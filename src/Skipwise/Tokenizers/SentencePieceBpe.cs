using Skipwise.Tokenizers.Formats;

namespace Skipwise.Tokenizers;

/// <summary>
/// BPE as in SentencePiece, from pieces with scores. It has no merges: any two adjacent pieces whose concatenation is a piece may merge,
/// the piece of the highest score first. An ordinary merge table is derived from this.
/// </summary>
internal static class SentencePieceBpe
{
    /// <summary>Creates the tokenizer.</summary>
    /// <param name="model">its pieces have scores; merges, pre-tokenizer and normalizers are not used</param>
    /// <param name="settings">take precedence over the model, as in transformers</param>
    /// <exception cref="FormatException">the pieces are no vocabulary; the message has no file name</exception>
    public static BpeTokenizer Create(TokenizerModel model, TokenizerSettings settings)
    {
        IReadOnlyList<TokenizerPiece> pieces = model.Pieces;
        var vocabulary = new Dictionary<string, int>(StringComparer.Ordinal);
        var added = new List<AddedToken>();
        for (int id = 0; id < pieces.Count; id++)
        {
            var (text, type, score) = pieces[id];
            Require(float.IsFinite(score), $"the score of \"{text}\" is not a number");
            Require(type != TokenType.Unused, "it has pieces of the type UNUSED");
            Require(text.Length > 0 && vocabulary.TryAdd(text, id), $"piece {id} (\"{text}\") is empty or there twice");
            if (type is TokenType.Unknown or TokenType.Control or TokenType.UserDefined)
            {
                // User-defined pieces are in normalized form and matched after normalization.
                bool userDefined = type == TokenType.UserDefined;
                added.Add(new AddedToken(id, text, Special: !userDefined, NormalizedForm: userDefined ? text : null));
            }
        }
        added.AddRange(settings.AddedTokens.Where(t => added.All(known => known.Id != t.Id)));
        int unknown = pieces.TakeWhile(piece => piece.Type != TokenType.Unknown).Count();
        int? unknownId = unknown < pieces.Count ? unknown : null;
        int[] byteIds = VocabularyChecks.ByteIds(vocabulary);
        Require(!model.HasByteFallback || !byteIds.Contains(-1), "it has byte fallback, but not all 256 byte pieces");
        var spelled = vocabulary.Where(p => pieces[p.Value].Type == TokenType.Normal).ToDictionary(StringComparer.Ordinal);
        var encoding = new BytePairEncoder(
            spelled, BytePairEncoder.EveryWay(spelled, RankOf(pieces)), model.HasByteFallback ? byteIds : null, unknownId)
        {
            FuseUnknown = true,
        };
        model = model with { AddsPrefixSpace = settings.AddsPrefixSpace ?? model.AddsPrefixSpace };
        int? bos = settings.Find("bos", IdOf, model.BosId);
        return new BpeTokenizer(
            vocabulary,
            added,
            (text, atStart) => Normalize(text, model, model.AddsPrefixSpace && (settings.Legacy || atStart)),
            [],
            encoding,
            PieceDecoder.SentencePiece(model.HasByteFallback, model.AddsPrefixSpace),
            settings.Special(
                bos, settings.Find("eos", IdOf, model.EosId), settings.AddsBos ?? model.AddsBos, IdOf, unknownId, model.PadId),
            model);

        int? IdOf(string text) => added.Find(t => t.Content == text)?.Id ?? (vocabulary.TryGetValue(text, out int id) ? id : null);
    }

    private static string Normalize(string text, TokenizerModel model, bool addsSpace)
    {
        if (model.RemovesExtraWhitespace)
        {
            text = string.Join(' ', text.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        }
        if (text.Length > 0 && addsSpace)
        {
            text = ' ' + text;
        }
        return model.EscapesWhitespace ? text.Replace(" ", Normalizers.Metaspace, StringComparison.Ordinal) : text;
    }

    /// <summary>The ranks of the pieces by descending score. Equal scores have equal ranks, so that the leftmost pair merges
    /// first.</summary>
    private static Func<int, int> RankOf(IReadOnlyList<TokenizerPiece> pieces)
    {
        var ranks = pieces.Select(piece => piece.Score).Distinct().OrderDescending().Select((score, rank) => (score, rank))
            .ToDictionary(x => x.score, x => x.rank);
        return id => ranks[pieces[id].Score];
    }

    private static void Require(bool condition, string complaint)
    {
        if (!condition)
        {
            throw new FormatException(complaint);
        }
    }
}
