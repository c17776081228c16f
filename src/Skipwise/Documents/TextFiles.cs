using System.Text;

namespace Skipwise.Documents;

/// <summary>Reads documents from plain text files: one per file, or several with a separator between them.</summary>
internal static class TextFiles
{
    public static IEnumerable<Document> Read(string path, string? separator, LimitOptions limits)
    {
        (StreamReader reader, RowStream rows) = CompressedFile.OpenText(path, limits);
        using StreamReader _ = reader;
        if (separator is null)
        {
            yield return new Document(CompressedFile.Guarded(path, reader.ReadToEnd), path);
            yield break;
        }
        int number = 1;
        foreach (string part in SplitAt(separator, () => CompressedFile.Guarded(path, () => ReadBlock(reader))))
        {
            yield return new Document(part.Trim(), $"{path}#{number}");
            rows.Begin($"{path}#{++number}");
        }
    }

    /// <summary>Splits a text that arrives in blocks ("" ends it). Only the current part is in memory.</summary>
    private static IEnumerable<string> SplitAt(string separator, Func<string> nextBlock)
    {
        var part = new StringBuilder();
        for (string block = nextBlock(); block.Length > 0; block = nextBlock())
        {
            // The separator may span two blocks, so the search starts in the last characters of the previous one.
            int overlap = Math.Min(part.Length, separator.Length - 1);
            string searched = part.ToString(part.Length - overlap, overlap) + block;
            part.Length -= overlap;
            int start = 0;
            for (int at; (at = searched.IndexOf(separator, start, StringComparison.Ordinal)) >= 0; start = at + separator.Length)
            {
                yield return part.Append(searched, start, at - start).ToString();
                part.Clear();
            }
            part.Append(searched, start, searched.Length - start);
        }
        yield return part.ToString();
    }

    private static string ReadBlock(StreamReader reader)
    {
        char[] block = new char[1 << 16];
        return new string(block, 0, reader.ReadBlock(block));
    }
}
