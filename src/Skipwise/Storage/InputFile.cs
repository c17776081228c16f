using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Skipwise.Storage;

/// <summary>
/// Opens input files; all files are read through this class. Pipes (opening waits for a writer) and devices (endless bytes) are refused
/// before they are opened, also behind links.
/// </summary>
internal static class InputFile
{
    /// <summary>largest file in bytes that is read as a whole, far larger than any tokenizer, configuration or benchmark</summary>
    public const long LargestText = 1L << 30;

    /// <summary>Opens a file for reading.</summary>
    /// <exception cref="SkipwiseException">the path is not a file, or not a valid name</exception>
    /// <exception cref="IOException">the file cannot be opened</exception>
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

    /// <summary>Reads a whole file of bytes.</summary>
    /// <exception cref="SkipwiseException">the file is missing, cannot be read, or is too large for that</exception>
    public static byte[] ReadBytes(string path) => Read(path, FileShare.Read, "Check the path", stream =>
    {
        byte[] bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    });

    /// <summary>Reads a whole file of UTF-8 text.</summary>
    /// <exception cref="SkipwiseException">the file is missing, cannot be read, is too large for that, or not UTF-8</exception>
    /// <param name="remedy">the remedy in the error if the file cannot be read</param>
    public static string ReadText(string path, FileShare share = FileShare.Read, string remedy = "Check the path") =>
        Read(path, share, remedy, stream =>
    {
        using StreamReader reader = TextFile.Reader(stream, path, mayBeTorn: share == FileShare.ReadWrite);
        return reader.ReadToEnd();
    });

    /// <summary>Refuses a path that exists and is not a file. A path that does not exist is accepted.</summary>
    /// <exception cref="SkipwiseException">a pipe, a device or a socket, or an empty name</exception>
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

    /// <summary>The type of a special file; null for a file, a folder, a missing path, or if the system does not report it.</summary>
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
