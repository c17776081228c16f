using Skipwise.Documents;

namespace Skipwise.Evaluation.Needles;

/// <summary>Text to hide things in: the user's, or prose of Skipwise's own.</summary>
internal static class HaystackTexts
{
    /// <summary>own prose is repeated beyond this</summary>
    private const int OwnProseCharacters = 4_000_000;

    /// <summary>more characters than a token of any tokenizer has on average in prose</summary>
    private const int CharactersPerToken = 12;

    /// <summary>No more documents than the length needs: a haystack may be a whole library.</summary>
    /// <param name="paths">files and folders; none stands for own prose</param>
    /// <param name="tokens">how long the text is wanted at most</param>
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
