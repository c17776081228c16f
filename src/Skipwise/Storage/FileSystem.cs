using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Skipwise.Storage;

/// <summary>
/// Every change that <see cref="AtomicFile"/> and <see cref="AtomicFolder"/> make on the disk, one small step each: what the system answers
/// is looked at, and a test can let any of them fail.
/// </summary>
internal static class FileSystem
{
    private const int Interrupted = 4, DiskFailed = 5, DiskFull = 28; // EINTR, EIO, ENOSPC

    /// <summary>
    /// Asked before every step, with its name and path: tests throw here. It is the caller's own and that of what the caller starts.
    /// </summary>
    public static readonly AsyncLocal<Action<string, string>?> Before = new();

    /// <summary>A file that was not there before: no link, and nothing of somebody else, is written through.</summary>
    public static FileStream Create(string path, int bufferSize)
    {
        Before.Value?.Invoke("create", path);
        return new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize);
    }

    public static void CreateFolder(string path)
    {
        Before.Value?.Invoke("create", path);
        Directory.CreateDirectory(path);
    }

    /// <summary>
    /// Waits until the file's content is on the disk. <see cref="FileStream.Flush(bool)"/> asks for the same, and on Unix does not look at
    /// the answer.
    /// </summary>
    /// <exception cref="IOException">the disk does not have it</exception>
    public static void Sync(FileStream file)
    {
        Before.Value?.Invoke("sync", file.Name);
        file.Flush(flushToDisk: !OperatingSystem.IsLinux()); // on macOS only this passes the drive's own cache
        if (!OperatingSystem.IsWindows() && Sync(file.SafeFileHandle) is not 0 and var error)
        {
            throw Failed(error, file.Name);
        }
    }

    /// <summary>
    /// Waits until the folder's list of names is on the disk: a file that was renamed may else have its old name after a power failure.
    /// </summary>
    /// <exception cref="IOException">the disk does not have it; a file system that knows no such thing is no error</exception>
    public static void SyncFolder(string path)
    {
        Before.Value?.Invoke("sync", path);
        if (OperatingSystem.IsWindows())
        {
            return; // its file systems keep a journal of names
        }
        using var folder = new SafeFileHandle(open(path, 0), ownsHandle: true);
        int error = folder.IsInvalid ? 0 : Sync(folder);
        if (error is DiskFailed or DiskFull)
        {
            throw Failed(error, path);
        }
    }

    /// <summary>Gives a file another name in its folder; a file of that name is gone at the same moment.</summary>
    public static void Rename(string path, string name)
    {
        Before.Value?.Invoke("rename", path);
        File.Move(path, name, overwrite: true);
    }

    /// <summary>Gives a folder, or a file in it, a name that is free.</summary>
    public static void Move(string path, string name)
    {
        Before.Value?.Invoke("move", path);
        Directory.Move(path, name);
    }

    /// <summary>Two folders take each other's name at the same moment.</summary>
    /// <returns>false where the system cannot do that; nothing has changed then</returns>
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

    /// <summary>Deletes a folder with all that is in it: for one that only this program has written to.</summary>
    public static void DeleteAll(string folder)
    {
        Before.Value?.Invoke("delete", folder);
        Directory.Delete(folder, recursive: true);
    }

    /// <summary>Deletes a folder in which nothing is left.</summary>
    /// <returns>false if something is; then it stays</returns>
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
