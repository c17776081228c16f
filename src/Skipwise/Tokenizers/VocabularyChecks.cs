using System.Globalization;
using Skipwise.Storage;

namespace Skipwise.Tokenizers;

/// <summary>Checks of vocabularies from all formats.</summary>
internal static class VocabularyChecks
{
    /// <summary>The largest vocabulary: far above real ones (Gemma 3: 262,144), and a limit to the allocation for a broken file.</summary>
    private const int MostIds = 1 << 24;

    public static int CheckedId(LocatedJson place, int id) =>
        id is >= 0 and < MostIds ? id : throw place.Error($"is the token id {id}; ids are 0 to {MostIds - 1}");

    /// <summary>The ids of the byte tokens &lt;0x00&gt; to &lt;0xFF&gt;; -1 for those that the vocabulary lacks.</summary>
    public static int[] ByteIds(IReadOnlyDictionary<string, int> vocabulary) => [.. Enumerable.Range(0, 256).Select(b =>
        vocabulary.GetValueOrDefault(string.Create(CultureInfo.InvariantCulture, $"<0x{b:X2}>"), -1))];
}
