using System.Text;
using ICSharpCode.SharpZipLib;

namespace Skipwise.Text;

/// <summary>Reads documents from text files (.txt, .md, .tex), JSON lines (.jsonl), both also packed (.gz), and folders of them.</summary>
public static class Documents
{
    /// <summary>A file that is not UTF-8 must not become text with holes in it.</summary>
    private static readonly UTF8Encoding s_strictUtf8 = new(encoderShouldEmitUTF8Identifier: true, throwOnInvalidBytes: true);

    /// <summary>
    /// Finds the files at once, and reads them while the documents are enumerated. A folder gives its files and those of its
    /// subfolders in ordinal order of their paths; hidden files and files of other kinds are passed over. Blank documents are left out.
    /// </summary>
    /// <exception cref="SkipwiseException">a path that is missing, a file of an unknown kind, a folder without documents; while
    /// enumerating: text that is not UTF-8, a broken .gz file, a broken JSON line or one without the field</exception>
    public static IEnumerable<Document> Read(IEnumerable<string> paths, DocumentOptions options)
    {
        if (options.SeparatorText is "")
        {
            throw new SkipwiseException("the document separator is empty; leave it out to take each file as one document");
        }
        var files = DocumentFiles.Find(paths);
        return files.SelectMany(file => DocumentFiles.IsJsonLines(file) ? ReadJsonLines(file, options) : ReadText(file, options))
            .Where(document => !string.IsNullOrWhiteSpace(document.Text));
    }

    private static IEnumerable<Document> ReadText(string path, DocumentOptions options)
    {
        using var reader = Open(path);
        if (options.SeparatorText is not { } separator)
        {
            yield return new Document(Guarded(path, reader.ReadToEnd), path);
            yield break;
        }
        int number = 1;
        foreach (string part in SplitAt(separator, () => Guarded(path, () => ReadBlock(reader))))
        {
            yield return new Document(part.Trim(), $"{path}#{number++}");
        }
    }

    private static IEnumerable<Document> ReadJsonLines(string path, DocumentOptions options)
    {
        using var reader = Open(path);
        for (int line = 1; Guarded(path, reader.ReadLine) is { } json; line++)
        {
            if (!string.IsNullOrWhiteSpace(json))
            {
                yield return JsonLine.Read(json, $"{path}:{line}", options.Field);
            }
        }
    }

    /// <summary>The parts of a text that arrives in blocks ("" ends it). Only the part at hand is held in memory.</summary>
    private static IEnumerable<string> SplitAt(string separator, Func<string> nextBlock)
    {
        var part = new StringBuilder();
        for (string block = nextBlock(); block.Length > 0; block = nextBlock())
        {
            // The separator may lie across two blocks: search again from the last characters of what came before.
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

    private static StreamReader Open(string path) => Guarded(path, () =>
    {
        Stream stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16, FileOptions.SequentialScan);
        return new StreamReader(DocumentFiles.Unpack(path, stream), s_strictUtf8, detectEncodingFromByteOrderMarks: false);
    });

    private static T Guarded<T>(string path, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (DecoderFallbackException e)
        {
            throw new SkipwiseException($"{path}: not UTF-8 (bytes {Convert.ToHexString(e.BytesUnknown ?? [])}); convert it first, for example with iconv", e);
        }
        catch (Exception e) when (e is SharpZipBaseException or InvalidDataException or EndOfStreamException or IndexOutOfRangeException)
        {
            // SharpZipLib's tables overrun on some damaged files; nothing else here indexes.
            throw new SkipwiseException($"{path}: broken or cut .gz file: {e.Message}", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SkipwiseException($"{path}: cannot be read: {e.Message}", e);
        }
    }
}
