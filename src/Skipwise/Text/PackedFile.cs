using System.Text;
using ICSharpCode.SharpZipLib;
using ICSharpCode.SharpZipLib.GZip;
using Skipwise.Storage;
using ZstdSharp;

namespace Skipwise.Text;

/// <summary>UTF-8 text files, packed by gzip or Zstandard or not at all, with errors that name the file.</summary>
internal static class PackedFile
{
    public const string Gzip = ".gz";
    public const string Zstandard = ".zst";

    /// <summary>A file that is not UTF-8 must not become text with holes in it.</summary>
    private static readonly UTF8Encoding s_strictUtf8 = new(encoderShouldEmitUTF8Identifier: true, throwOnInvalidBytes: true);

    public static StreamReader OpenText(string path) => Guarded(path, () =>
    {
        Stream stream = InputFile.Open(path, options: FileOptions.SequentialScan);
        return new StreamReader(Unpack(path, stream), s_strictUtf8, detectEncodingFromByteOrderMarks: false);
    });

    /// <summary>Runs one step of reading; whatever is wrong with the file becomes an error that names it.</summary>
    public static T Guarded<T>(string path, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (DecoderFallbackException e)
        {
            throw new SkipwiseException($"{path}: not UTF-8 (bytes {Convert.ToHexString(e.BytesUnknown ?? [])}); convert it first, for example with iconv", e);
        }
        catch (Exception e) when (e is SharpZipBaseException or ZstdException or InvalidDataException or EndOfStreamException or IndexOutOfRangeException)
        {
            // SharpZipLib's tables overrun on some damaged files; nothing else here indexes.
            throw new SkipwiseException($"{path}: broken or cut {Path.GetExtension(path)} file: {e.Message}", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SkipwiseException($"{path}: cannot be read: {e.Message}", e);
        }
    }

    /// <summary>SharpZipLib unpacks .gz because GZipStream of .NET takes a file that was cut anywhere for a whole, shorter one.</summary>
    private static Stream Unpack(string path, Stream stream)
    {
        string ending = Path.GetExtension(path).ToLowerInvariant();
        return ending is not (Gzip or Zstandard) ? stream
            : stream.Length == 0 ? throw new InvalidDataException("the file is empty")
            : ending == Gzip ? new GZipInputStream(stream, 1 << 16)
            : new DecompressionStream(stream, 1 << 16, checkEndOfStream: true, leaveOpen: false);
    }
}
