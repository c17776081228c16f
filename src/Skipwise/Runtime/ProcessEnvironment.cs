using System.Runtime.InteropServices;

namespace Skipwise.Runtime;

/// <summary>The environment of native libraries, which .NET's own copy does not change.</summary>
internal static class ProcessEnvironment
{
    /// <summary>Sets a variable unless it has a value: the user's setting wins.</summary>
    public static (NativePatchState State, string Reason) SetDefault(string name, string value)
    {
        _ = setenv(name, value, 0);
        return (NativePatchState.On, $"{name}={Marshal.PtrToStringUTF8(getenv(name))}");
    }

    [DllImport("libc", CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int setenv(string name, string value, int overwrite);

    [DllImport("libc", CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint getenv(string name);
}
