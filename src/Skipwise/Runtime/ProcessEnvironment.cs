using System.Runtime.InteropServices;

namespace Skipwise.Runtime;

/// <summary>The environment that native libraries read, which .NET's own copy does not reach.</summary>
internal static class ProcessEnvironment
{
    /// <summary>Sets a variable, unless it has a value: the user's own setting wins.</summary>
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
