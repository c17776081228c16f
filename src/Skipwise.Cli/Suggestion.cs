namespace Skipwise.Cli;

/// <summary>"Did you mean ...?"</summary>
internal static class Suggestion
{
    /// <summary>" Did you mean 'x'?" when a known word is near, else "".</summary>
    public static string DidYouMean(string word, IEnumerable<string> known) =>
        Find(word, known) is { } near ? $" Did you mean '{near}'?" : "";

    /// <summary>The known word that fewest edits turn into the given one; null when none is near enough to be meant.</summary>
    public static string? Find(string word, IEnumerable<string> known) => known
        .Select(candidate => (candidate, edits: Edits(word, candidate)))
        .Where(pair => pair.edits <= (word.Length < 4 ? 1 : 2))
        .OrderBy(pair => pair.edits)
        .Select(pair => pair.candidate)
        .FirstOrDefault();

    /// <summary>Insertions, deletions and replacements between two words (Levenshtein 1965), one row of the table at a time.</summary>
    private static int Edits(string a, string b)
    {
        int[] row = [.. Enumerable.Range(0, b.Length + 1)];
        for (int i = 1; i <= a.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                int replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(replaced, 1 + Math.Min(row[j], row[j - 1]));
            }
        }
        return row[^1];
    }
}
