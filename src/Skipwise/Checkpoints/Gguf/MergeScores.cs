using Skipwise.Tokenizers;

namespace Skipwise.Checkpoints.Gguf;

/// <summary>
/// Scores of SentencePiece pieces from an ordered list of merges, as a tokenizer.json has them. llama.cpp merges any two pieces whose
/// concatenation is a piece, the one with the best score first. That is the same if the list names every such pair, piece after piece.
/// </summary>
internal static class MergeScores
{
    /// <summary>The scores by id: the piece that is merged first has the best, 0; the next ones -1, -2, ...</summary>
    /// <exception cref="SkipwiseException">the merges are not those of a SentencePiece model</exception>
    public static float[] Of(TokenizerModel tokenizer, int rows)
    {
        Dictionary<string, int> ids = tokenizer.Pieces.Select((piece, id) => (piece, id)).Where(pair => pair.piece.Type == TokenType.Normal)
            .ToDictionary(pair => pair.piece.Text, pair => pair.id, StringComparer.Ordinal);
        var scores = new float[rows];
        var pairs = new HashSet<(string, string)>();
        var done = new HashSet<string>(StringComparer.Ordinal);
        string last = "";
        foreach ((string left, string right) in tokenizer.Merges)
        {
            string piece = left + right;
            pairs.Add((left, right));
            if (piece == last)
            {
                continue;
            }
            if (!done.Add(piece))
            {
                throw GgufTokenizer.Refused($"the merges that give \"{piece}\" do not follow one another, and scores cannot express that");
            }
            if (!ids.TryGetValue(piece, out int id))
            {
                throw GgufTokenizer.Refused($"its merges give \"{piece}\", which is an added token");
            }
            scores[id] = -(done.Count - 1);
            last = piece;
        }
        foreach ((string left, string right, _) in BytePairEncoder.EveryWay(ids, _ => 0))
        {
            if (!pairs.Contains((left, right)))
            {
                throw GgufTokenizer.Refused($"its merges lack \"{left}\" + \"{right}\", which SentencePiece would merge");
            }
        }
        return scores;
    }
}
