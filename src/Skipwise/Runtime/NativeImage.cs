using System.Runtime.InteropServices;

namespace Skipwise.Runtime;

/// <summary>
/// Loads TorchSharp's wrapper library on systems whose C++ library lacks symbol version GLIBCXX_3.4.32 (Debian 12, Ubuntu 22.04). The
/// wrapper requires that version and never uses it: no relocation refers to its one symbol. So it is safe to mark the requirement weak
/// (VER_FLG_WEAK).
/// </summary>
internal static class NativeImage
{
    internal const string SymbolOfThatVersion = "_ZSt21ios_base_library_initv";
    private const string SymbolVersion = "GLIBCXX_3.4.32";

    // ELF Vernaux entry: vna_hash of "GLIBCXX_3.4.32" (little endian), then vna_flags = 0.
    private static ReadOnlySpan<byte> VersionNeed => [0x42, 0xF8, 0x97, 0x02, 0x00, 0x00];
    private const int FlagsOffset = 4;
    private const byte WeakFlag = 2;
    private static readonly Version s_leastGlibc = new(2, 34); // the newest version that TorchSharp's wrapper requires

    /// <summary>Loads a library, from a patched copy in memory if this system needs it. The file itself is never changed.</summary>
    /// <param name="isAllowed">whether a copy may be loaded; else the file is loaded as it is</param>
    /// <returns>the library's handle, and whether it is the copy; 0 if the loader refuses the file and no copy is allowed</returns>
    /// <exception cref="SkipwiseException">the kernel refuses in-memory files, or the loader refuses the library</exception>
    public static (nint Library, NativePatchState State, string Reason) Load(string path, bool isAllowed)
    {
        if (SystemHasSymbol())
        {
            return (Open(path), NativePatchState.NotApplicable, $"this system's C++ library has {SymbolVersion}");
        }
        if (!isAllowed)
        {
            _ = NativeLibrary.TryLoad(path, out nint asIs); // TorchSharp's own error says what is missing
            return (asIs, NativePatchState.Off, "not asked for");
        }
        byte[] image = Read(path);
        int need = image.AsSpan().IndexOf(VersionNeed);
        if (need < 0 || need != image.AsSpan().LastIndexOf(VersionNeed)) // more than one: some are other data
        {
            return (Open(path), NativePatchState.NotApplicable, $"the library's need for {SymbolVersion} was not found");
        }
        image[need + FlagsOffset] = WeakFlag;
        // An anonymous in-memory file: no temporary folder that could be full, read-only or mounted noexec, nothing to clean up.
        int descriptor = memfd_create("LibTorchSharp", 0);
        if (descriptor < 0)
        {
            throw new SkipwiseException(
                "The kernel refused an in-memory file (memfd_create), which loading libtorch needs on this system.");
        }
        using var handle = new Microsoft.Win32.SafeHandles.SafeFileHandle(descriptor, ownsHandle: true);
        RandomAccess.Write(handle, image, 0);
        return (Open($"/proc/self/fd/{descriptor}", of: path), NativePatchState.On, $"a copy in memory needs no {SymbolVersion}");
    }

    /// <summary>Bytes of a library from one of our own packages.</summary>
    public static byte[] Read(string path) => File.ReadAllBytes(path);

    /// <summary>Why the loader refused the library, and what to do. The usual cause is an older system's C library.</summary>
    internal static SkipwiseException Refusal(string path, Version? system, DllNotFoundException e) => new(
        system is not null && system < s_leastGlibc
            ? $"{path}: needs glibc {s_leastGlibc}; this system has {system}. Use Debian 12, Ubuntu 22.04, RHEL 9 or newer."
            // after the line with .NET's own advice
            : $"{path}: does not load: {e.Message.Split('\n', 2)[^1].Trim()}. Install the library that it names, or Skipwise anew.", e);

    /// <summary>Loads a library as it is.</summary>
    /// <param name="of">name for the error</param>
    /// <exception cref="SkipwiseException">the loader refuses it</exception>
    public static nint Open(string path, string? of = null)
    {
        try
        {
            return NativeLibrary.Load(path);
        }
        catch (DllNotFoundException e)
        {
            throw Refusal(of ?? path, Glibc(), e);
        }
    }

    /// <summary>Version of the system's GNU C library; null if it has another one.</summary>
    private static Version? Glibc()
    {
        try
        {
            return Version.TryParse(Marshal.PtrToStringAnsi(gnu_get_libc_version()), out Version? version) ? version : null;
        }
        catch (EntryPointNotFoundException)
        {
            return null;
        }
    }

    private static bool SystemHasSymbol() =>
        NativeLibrary.TryLoad("libstdc++.so.6", out nint library) && NativeLibrary.TryGetExport(library, SymbolOfThatVersion, out _);

    [DllImport("libc", CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true, SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int memfd_create(string name, uint flags);

    [DllImport("libc")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint gnu_get_libc_version();
}
