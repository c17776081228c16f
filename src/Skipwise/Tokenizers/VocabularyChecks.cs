using System.Globalization;
using Skipwise.Storage;

namespace Skipwise.Tokenizers;

/// <summary>Checks that vocabularies from every kind of file share.</summary>
internal static class VocabularyChecks
{
    /// <summary>Far above every real vocabulary (Gemma 3: 262,144), far below what a broken file could make us allocate.</summary>
    private const int MostIds = 1 << 24;

    public static int CheckedId(LocatedJson place, int id) =>
        id is >= 0 and < MostIds ? id : throw place.Error($"is the token id {id}; ids are 0 to {MostIds - 1}");

    /// <summary>The ids of the byte tokens &lt;0x00&gt; to &lt;0xFF&gt;; -1 for those that the vocabulary lacks.</summary>
    public static int[] ByteIds(IReadOnlyDictionary<string, int> vocabulary) => [.. Enumerable.Range(0, 256).Select(b =>
        vocabulary.GetValueOrDefault(string.Create(CultureInfo.InvariantCulture, $"<0x{b:X2}>"), -1))];
}
