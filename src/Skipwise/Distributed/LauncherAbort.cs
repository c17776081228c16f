using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Skipwise.Distributed;

/// <summary>
/// Ends the other processes of a job before MPI has joined them. Open MPI's mpirun does so when a process ends with an exit code other than
/// 0; Hydra waits for the others, and has to be told, by one line of its PMI protocol.
/// </summary>
internal static class LauncherAbort
{
    private const string ChannelVariable = "PMI_FD";

    /// <summary>Tells the launcher, if it has to be told.</summary>
    public static void TrySend(Launcher launcher, int exitCode)
    {
        if (launcher.Kind == LauncherKind.Hydra && OperatingSystem.IsLinux()
            && int.TryParse(Environment.GetEnvironmentVariable(ChannelVariable), NumberStyles.None, CultureInfo.InvariantCulture,
                out int channel)
            && IsSocket(channel))
        {
            byte[] line = Encoding.ASCII.GetBytes(FormattableString.Invariant($"cmd=abort exitcode={exitCode}\n"));
            _ = write(channel, line, line.Length);
        }
    }

    /// <summary>A script between launcher and program may have closed the channel, and the number may belong to a file by now.</summary>
    private static bool IsSocket(int descriptor)
    {
        try
        {
            return new FileInfo(FormattableString.Invariant($"/proc/self/fd/{descriptor}")).LinkTarget
                ?.StartsWith("socket:", StringComparison.Ordinal) == true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    [DllImport("libc")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint write(int descriptor, byte[] bytes, nint count);
}
