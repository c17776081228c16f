using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Skipwise.Storage;

/// <summary>
/// The one door through which files are read. Opening a pipe waits for its writer, and a device gives bytes without end: both are refused
/// before they are opened, also behind a link.
/// </summary>
public static class InputFile
{
    /// <summary>bytes of the largest file that is read whole as text: no tokenizer, configuration or benchmark comes near it</summary>
    public const long LargestText = 1L << 30;

    /// <exception cref="SkipwiseException">it is no file, or has no name that a file can have</exception>
    /// <exception cref="IOException">it cannot be opened</exception>
    public static FileStream Open(string path, FileShare share = FileShare.Read, FileOptions options = FileOptions.None)
    {
        RequireFile(path);
        return new FileStream(path, FileMode.Open, FileAccess.Read, share, 1 << 16, options);
    }

    /// <inheritdoc cref="Open"/>
    public static SafeFileHandle OpenHandle(string path)
    {
        RequireFile(path);
        return File.OpenHandle(path);
    }

    /// <summary>A whole file of bytes.</summary>
    /// <exception cref="SkipwiseException">the file is missing, cannot be read, or is too large for that</exception>
    public static byte[] ReadBytes(string path) => Read(path, FileShare.Read, "Check the path", stream =>
    {
        byte[] bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    });

    /// <summary>A whole file of UTF-8 text.</summary>
    /// <exception cref="SkipwiseException">the file is missing, cannot be read, is too large for that, or no UTF-8</exception>
    /// <param name="remedy">what to do about a file that cannot be read</param>
    public static string ReadText(string path, FileShare share = FileShare.Read, string remedy = "Check the path") =>
        Read(path, share, remedy, stream =>
    {
        using StreamReader reader = TextFile.Reader(stream, path, mayBeTorn: share == FileShare.ReadWrite);
        return reader.ReadToEnd();
    });

    /// <summary>Refuses what is there under the name and is no file; a name that is not there yet passes.</summary>
    /// <exception cref="SkipwiseException">a pipe, a device or a socket, or no name at all</exception>
    public static void RequireFile(string path)
    {
        if (path.Length == 0 || path.Contains('\0', StringComparison.Ordinal))
        {
            throw new SkipwiseException($"'{path}': {(path.Length == 0 ? "an empty text" : "a text with a NUL character")} names no file");
        }
        if (KindOf(path) is { } kind)
        {
            throw new SkipwiseException($"{path}: is {kind}, where a file was expected. Write what it gives into a file first");
        }
    }

    private static T Read<T>(string path, FileShare share, string remedy, Func<FileStream, T> read)
    {
        try
        {
            using FileStream stream = Open(path, share);
            return stream.Length <= LargestText
                ? OutOfMemory.Naming(path, () => read(stream))
                : throw new SkipwiseException(
                    $"{path}: holds {stream.Length} bytes; at most {LargestText} are read of such a file. Is it the right one?");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SkipwiseException($"{path}: cannot be read: {e.Message.TrimEnd('.')}. {remedy}", e);
        }
    }

    /// <summary>What is there in place of a file; null for a file, a folder, nothing, and where the system does not tell.</summary>
    internal static string? KindOf(string path)
    {
        const int here = -100, typeOnly = 1, mode = 28, typeMask = 0xF000;
        Span<byte> facts = stackalloc byte[256]; // struct statx, the same on every processor
        if (!OperatingSystem.IsLinux() || Facts(here, path, 0, typeOnly, ref MemoryMarshal.GetReference(facts)) != 0)
        {
            return null;
        }
        return (BitConverter.ToUInt16(facts[mode..]) & typeMask) switch
        {
            0x1000 => "a pipe",
            0x2000 or 0x6000 => "a device",
            0xC000 => "a socket",
            _ => null,
        };
    }

    [DllImport("libc", EntryPoint = "statx", CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = false)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Facts(int folder, [MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags, uint wanted, ref byte facts);
}
