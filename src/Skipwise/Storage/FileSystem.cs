using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Skipwise.Storage;

/// <summary>
/// The file system operations of <see cref="AtomicFile"/> and <see cref="AtomicFolder"/>, one step each. Every result is checked, and
/// tests can make any step fail.
/// </summary>
internal static class FileSystem
{
    private const int Interrupted = 4, DiskFailed = 5, DiskFull = 28; // EINTR, EIO, ENOSPC

    /// <summary>
    /// Called before every step with its name and path; tests throw here. Applies to the caller's async context.
    /// </summary>
    public static readonly AsyncLocal<Action<string, string>?> Before = new();

    /// <summary>Why a file could not be written: the disk is full or fails, no right, or the file is too large.</summary>
    /// <returns>null if the error is none of the file system's</returns>
    public static string? ReasonOf(Exception e) => e switch
    {
        IOException or UnauthorizedAccessException => e.Message,
        // what .NET makes of EFBIG
        ArgumentOutOfRangeException { ParamName: "value" } =>
            "the file is larger than the file system, or the limit of this process, allows",
        _ => null,
    };

    /// <summary>Creates a new file. Fails if the name exists, so that no link or other file is written through.</summary>
    /// <param name="isPrivate">whether other users of the machine may not read it</param>
    public static FileStream Create(string path, int bufferSize, bool isPrivate = false)
    {
        Before.Value?.Invoke("create", path);
        var options = new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            Share = FileShare.None,
            BufferSize = bufferSize,
        };
        if (isPrivate && !OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }
        return new FileStream(path, options);
    }

    /// <summary>Opens a file to be written further, or creates it. No other process opens it meanwhile.</summary>
    /// <returns>its content from the beginning, without a buffer</returns>
    public static FileStream Continue(string path)
    {
        Before.Value?.Invoke("continue", path);
        return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
    }

    public static void CreateFolder(string path)
    {
        Before.Value?.Invoke("create", path);
        Directory.CreateDirectory(path);
    }

    /// <summary>
    /// Flushes the file's content to disk. <see cref="FileStream.Flush(bool)"/> ignores errors on Unix.
    /// </summary>
    /// <exception cref="IOException">the content is not on disk</exception>
    public static void Sync(FileStream file)
    {
        Before.Value?.Invoke("sync", file.Name);
        file.Flush(flushToDisk: !OperatingSystem.IsLinux()); // on macOS only this flushes the drive's own cache
        RequireSynced(file.SafeFileHandle, file.Name);
    }

    /// <summary>Flushes to disk what has been written so far, on Unix.</summary>
    /// <inheritdoc cref="Sync(FileStream)" path="/exception"/>
    public static void SyncWritten(SafeFileHandle file, string path)
    {
        Before.Value?.Invoke("sync early", path);
        RequireSynced(file, path);
    }

    private static void RequireSynced(SafeFileHandle file, string path)
    {
        if (!OperatingSystem.IsWindows() && Sync(file) is not 0 and var error)
        {
            throw Failed(error, path);
        }
    }

    /// <summary>
    /// Flushes the folder's entries to disk; otherwise a renamed file may have its old name after a power failure.
    /// </summary>
    /// <exception cref="IOException">the entries are not on disk; a file system without this operation is no error</exception>
    public static void SyncFolder(string path)
    {
        Before.Value?.Invoke("sync", path);
        if (OperatingSystem.IsWindows())
        {
            return; // its file systems journal names
        }
        using var folder = new SafeFileHandle(open(path, 0), ownsHandle: true);
        int error = folder.IsInvalid ? 0 : Sync(folder);
        if (error is DiskFailed or DiskFull)
        {
            throw Failed(error, path);
        }
    }

    /// <summary>Renames a file within its folder, atomically replacing a file of that name.</summary>
    public static void Rename(string path, string name)
    {
        Before.Value?.Invoke("rename", path);
        File.Move(path, name, overwrite: true);
    }

    /// <summary>Renames a folder or a file to an unused name.</summary>
    public static void Move(string path, string name)
    {
        Before.Value?.Invoke("move", path);
        Directory.Move(path, name);
    }

    /// <summary>Atomically exchanges the names of two folders.</summary>
    /// <returns>false if the system does not support it; then nothing has changed</returns>
    public static bool TryExchange(string path, string other)
    {
        const int here = -100; // AT_FDCWD
        const uint exchange = 2; // RENAME_EXCHANGE, RENAME_SWAP
        try
        {
            Before.Value?.Invoke("exchange", path);
            return OperatingSystem.IsLinux() ? renameat2(here, path, here, other, exchange) == 0
                : OperatingSystem.IsMacOS() && renamex_np(path, other, exchange) == 0;
        }
        catch (EntryPointNotFoundException)
        {
            return false; // a C library from before 2018
        }
    }

    public static void Delete(string path)
    {
        Before.Value?.Invoke("delete", path);
        File.Delete(path);
    }

    /// <summary>Deletes a folder with its content. Only for folders that only this program has written to.</summary>
    public static void DeleteAll(string folder)
    {
        Before.Value?.Invoke("delete", folder);
        Directory.Delete(folder, recursive: true);
    }

    /// <summary>Deletes an empty folder.</summary>
    /// <returns>false if the folder is not empty</returns>
    public static bool TryDeleteEmpty(string folder)
    {
        Before.Value?.Invoke("delete", folder);
        if (Directory.EnumerateFileSystemEntries(folder).Any())
        {
            return false;
        }
        Directory.Delete(folder);
        return true;
    }

    private static int Sync(SafeFileHandle handle)
    {
        int error;
        do
        {
            error = fsync(handle) == 0 ? 0 : Marshal.GetLastPInvokeError();
        }
        while (error == Interrupted);
        return error;
    }

    private static IOException Failed(int error, string path) => new($"{Marshal.GetPInvokeErrorMessage(error)} : '{path}'");

    [DllImport("libc", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int fsync(SafeFileHandle file);

    [DllImport("libc", CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true, SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int open(string path, int flags);

    [DllImport("libc", CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true, SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int renameat2(int folder, string path, int otherFolder, string other, uint flags);

    [DllImport("libc", CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true, SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int renamex_np(string path, string other, uint flags);
}
