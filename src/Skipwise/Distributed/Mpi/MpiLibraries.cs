using Skipwise.Runtime;

namespace Skipwise.Distributed.Mpi;

/// <summary>Finds the MPI library that belongs to a launcher.</summary>
internal static class MpiLibraries
{
    /// <summary>Environment variable that names the library.</summary>
    public const string PathVariable = "SKIPWISE_MPI";

    private static readonly string[] s_open = ["libmpi.so.40", "libmpi.40.dylib"];
    private static readonly string[] s_mpich =
        ["libmpich.so.12", "libmpi.so.12", "libmpich.12.dylib", "libmpi.12.dylib", "msmpi.dll", "impi.dll"];
    // may belong to another implementation than the launcher
    private static readonly string[] s_any = ["libmpi.so", "libmpi_abi.so.1", "libmpi_abi.so", "libmpi.dylib"];

    /// <summary>Loads the library that <see cref="PathVariable"/> names, or the launcher's own.</summary>
    /// <exception cref="SkipwiseException">there is none; says which package has it</exception>
    public static MpiLibrary Load(Launcher launcher)
    {
        if (OperatingSystem.IsLinux())
        {
            _ = ProcessEnvironment.SetDefault("UCX_ERROR_SIGNALS", ""); // else UCX replaces .NET's own handlers of signals
        }
        if (Environment.GetEnvironmentVariable(PathVariable) is { Length: > 0 } named)
        {
            return MpiLibrary.TryLoad(named) ?? throw new SkipwiseException(
                $"{PathVariable}={named}: no MPI library can be loaded from there. Give the path of libmpi.so.40, libmpich.so.12 or "
                + "another MPI library, or leave the variable out.");
        }
        return Names(launcher.Kind).Select(MpiLibrary.TryLoad).FirstOrDefault(library => library is not null)
            ?? throw new SkipwiseException(
                $"This process was started by {launcher.Name}, and its MPI library is not found. Install it ({Package(launcher.Kind)}), or "
                + $"name it by the environment variable {PathVariable}.");
    }

    /// <summary>Names of libraries, the launcher's own first.</summary>
    internal static IEnumerable<string> Names(LauncherKind launcher) => launcher switch
    {
        LauncherKind.OpenMpi => [.. s_open, .. s_any],
        LauncherKind.Hydra => [.. s_mpich, .. s_any],
        _ => [.. s_open, .. s_mpich, .. s_any],
    };

    private static string Package(LauncherKind launcher) => launcher switch
    {
        LauncherKind.OpenMpi => "Debian and Ubuntu: openmpi-bin",
        LauncherKind.Hydra => "Debian and Ubuntu: mpich",
        _ => "Debian and Ubuntu: openmpi-bin or mpich",
    };
}
