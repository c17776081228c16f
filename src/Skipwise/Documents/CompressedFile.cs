using ICSharpCode.SharpZipLib;
using Skipwise.Storage;
using ZstdSharp;

namespace Skipwise.Documents;

/// <summary>Opens UTF-8 text files, plain or compressed by gzip or Zstandard. Errors name the file.</summary>
internal static class CompressedFile
{
    public const string Gzip = ".gz";
    public const string Zstandard = ".zst";

    /// <summary>Opens the text's bytes. Invalid UTF-8 is an error when it is reached.</summary>
    /// <returns>the bytes, and the stream that counts them, which must be notified of every row's beginning</returns>
    public static (Stream Bytes, RowStream Rows) OpenBytes(string path, LimitOptions limits)
    {
        RowStream rows = Open(path, limits);
        return (new Utf8Stream(rows, path), rows);
    }

    /// <inheritdoc cref="OpenBytes"/>
    public static (StreamReader Text, RowStream Rows) OpenText(string path, LimitOptions limits)
    {
        RowStream rows = Open(path, limits);
        return (TextFile.Reader(rows, path), rows);
    }

    /// <summary>Runs one step of reading and converts exceptions to errors that name the file.</summary>
    public static T Guarded<T>(string path, Func<T> read)
    {
        try
        {
            return OutOfMemory.Naming(path, read);
        }
        catch (Exception e)
        when (e is SharpZipBaseException or ZstdException or InvalidDataException or EndOfStreamException or IndexOutOfRangeException)
        {
            // SharpZipLib's tables are indexed out of range by some damaged files; nothing else here indexes.
            throw new SkipwiseException($"{path}: broken or cut {Path.GetExtension(path)} file: {e.Message}", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SkipwiseException($"{path}: cannot be read: {e.Message}", e);
        }
    }

    private static RowStream Open(string path, LimitOptions limits) => Guarded(path, () =>
    {
        FileStream file = InputFile.Open(path, options: FileOptions.SequentialScan);
        try
        {
            Stream decompressed = Decompress(path, file);
            return new RowStream(decompressed, path, decompressed == file ? null : file.Length, limits);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    });

    private static Stream Decompress(string path, Stream stream)
    {
        string ending = Path.GetExtension(path).ToLowerInvariant();
        return ending is not (Gzip or Zstandard) ? stream
            : stream.Length == 0 ? throw new InvalidDataException("the file is empty")
            : ending == Gzip ? new GzipMembers(stream)
            : new DecompressionStream(stream, 1 << 16, checkEndOfStream: true, leaveOpen: false);
    }
}
