using Skipwise.Documents;

namespace Skipwise.Evaluation.Needles;

/// <summary>The text of a haystack: the user's, or the default prose.</summary>
internal static class HaystackTexts
{
    /// <summary>length of the default prose, which is repeated beyond this</summary>
    private const int OwnProseCharacters = 4_000_000;

    /// <summary>upper bound of a tokenizer's average characters per token in prose</summary>
    private const int CharactersPerToken = 12;

    /// <summary>Reads no more documents than the length needs, because the folder may be large.</summary>
    /// <param name="paths">files and folders; empty: the default prose</param>
    /// <param name="tokens">the most tokens that are needed</param>
    public static IEnumerable<string> Read(IReadOnlyList<string> paths, DocumentOptions documents, int tokens)
    {
        long missing = (long)tokens * CharactersPerToken;
        IEnumerable<string> texts = paths.Count > 0
            ? DocumentReader.Read(paths, documents).Select(document => document.Text)
            : [Haystack.OwnProse((int)Math.Min(missing, OwnProseCharacters))];
        foreach (string text in texts)
        {
            yield return text;
            missing -= text.Length;
            if (missing <= 0)
            {
                yield break;
            }
        }
    }
}
