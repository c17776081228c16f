using Skipwise.Evaluation.Needles;
using Skipwise.Text;

namespace Skipwise.Recipes;

/// <summary>Text to hide things in: the user's, or prose of Skipwise's own.</summary>
internal static class HaystackTexts
{
    /// <summary>more characters than a token of any tokenizer has on average in simple English</summary>
    private const int CharactersPerToken = 8;

    /// <param name="paths">files and folders; none stands for own prose</param>
    /// <param name="tokens">how long the text is wanted at most</param>
    public static IEnumerable<string> Read(IReadOnlyList<string> paths, DocumentOptions documents, int tokens) => paths.Count > 0
        ? Documents.Read(paths, documents).Select(document => document.Text)
        : [Haystack.OwnProse(Math.Min(tokens, 1 << 20) * CharactersPerToken)];
}
