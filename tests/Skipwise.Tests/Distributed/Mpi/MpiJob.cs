using System.Diagnostics;
using System.Text;
using Skipwise.Tests.Cli;

namespace Skipwise.Tests.Distributed.Mpi;

/// <summary>A job that mpirun starts, and all processes that belong to it.</summary>
internal sealed class MpiJob : IDisposable
{
    private const string Marker = "MPI_TEST_JOB"; // in the environment of each process of the job
    private static readonly string[] s_rankVariables = ["OMPI_COMM_WORLD_RANK", "PMI_RANK"];
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(10);
    private static readonly Dictionary<MpiKind, Lazy<string?>> s_launchers = new()
    {
        [MpiKind.OpenMpi] = new(() => Find("mpirun.openmpi", "Open MPI")),
        [MpiKind.Mpich] = new(() => Find("mpirun.mpich", "HYDRA")),
    };

    private readonly string _id;
    private readonly Process _launcher;
    private readonly StringBuilder _output = new(), _error = new();
    private readonly Task _words;

    private MpiJob(ProcessStartInfo start)
    {
        _id = start.Environment[Marker]!;
        _launcher = Process.Start(start)!;
        _launcher.StandardInput.Close();
        _words = Task.WhenAll(
            ChildProcess.Listen(_launcher.StandardOutput, _output), ChildProcess.Listen(_launcher.StandardError, _error));
    }

    /// <summary>mpirun itself.</summary>
    public Process Launcher => _launcher;

    /// <summary>The processes of the job that are ranks and live, by rank.</summary>
    public IReadOnlyDictionary<int, int> Ranks => Processes().Where(process => process.Rank is not null)
        .ToDictionary(process => process.Rank!.Value, process => process.Id);

    /// <summary>Whether a process of the job lives: a rank, mpirun or a helper of its.</summary>
    public bool Lives => Processes().Count > 0;

    /// <summary>Starts the tool on several ranks.</summary>
    /// <param name="environment">variables of all processes, besides the usual ones</param>
    public static MpiJob Tool(MpiKind mpi, int ranks, string[] args, params IEnumerable<(string Name, string Value)> environment) =>
        Start(mpi, ["-n", $"{ranks}", .. ToolCommand(args)], environment);

    /// <summary>Starts mpirun.</summary>
    /// <param name="args">of mpirun: the number of ranks and the program, for all ranks or, separated by colons, for some each</param>
    /// <param name="environment">variables of all processes, besides the usual ones</param>
    public static MpiJob Start(MpiKind mpi, string[] args, params IEnumerable<(string Name, string Value)> environment) =>
        Start(mpi, [], args, environment);

    /// <summary>Starts mpirun.</summary>
    /// <param name="shell">the program, with its arguments, that starts it; empty: none</param>
    /// <inheritdoc cref="Start(MpiKind, string[], IEnumerable{ValueTuple{string, string}})"/>
    public static MpiJob Start(MpiKind mpi, string[] shell, string[] args, params IEnumerable<(string Name, string Value)> environment)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the tests find the processes of a job in /proc");
        string? launcher = s_launchers[mpi].Value;
        Assert.SkipWhen(launcher is null, mpi == MpiKind.OpenMpi
            ? "mpirun of Open MPI is not installed (Debian and Ubuntu: openmpi-bin)"
            : "mpirun of MPICH is not installed (Debian and Ubuntu: mpich)");
        string[] options = mpi == MpiKind.OpenMpi ? ["--bind-to", "none", "--oversubscribe"] : [];
        string[] command = [.. shell, launcher!, .. options, .. args];
        var start = new ProcessStartInfo(command[0], command[1..])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment =
            {
                ["OMPI_ALLOW_RUN_AS_ROOT"] = "1",
                ["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1",
                ["OMP_NUM_THREADS"] = "1",
                [Marker] = Guid.NewGuid().ToString("n"),
            },
        };
        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }
        return new(start);
    }

    /// <summary>The tool's command line, for one rank.</summary>
    public static string[] ToolCommand(params string[] args) => ["dotnet", ToolProcess.Path, .. args];

    /// <summary>Waits for the end of mpirun.</summary>
    /// <returns>its exit code, and what it and the ranks wrote</returns>
    public (int Code, string Output, string Error) Wait(TimeSpan? limit = null)
    {
        bool ended = ChildProcess.End(_launcher, limit ?? ChildProcess.Limit);
        _words.Wait(ended ? ChildProcess.LastWords : s_look);
        (string output, string error) = (ChildProcess.Text(_output), ChildProcess.Text(_error));
        Assert.True(ended, $"mpirun did not end in time\n{output}\n{error}");
        return (_launcher.ExitCode, output, error);
    }

    /// <summary>Waits for a good end.</summary>
    /// <returns>what the ranks wrote</returns>
    public (string Output, string Error) Succeeded()
    {
        (int code, string output, string error) = Wait();
        Assert.True(code == 0, $"exit code {code}\n{output}\n{error}");
        Assert.DoesNotContain("error:", error, StringComparison.Ordinal);
        return (output, error);
    }

    /// <summary>Waits until all processes of the job are gone.</summary>
    public void RequireEndWithin(TimeSpan limit)
    {
        var clock = Stopwatch.StartNew();
        while (Lives)
        {
            Assert.True(clock.Elapsed < limit, $"after {limit.TotalSeconds} seconds these live on: {string.Join("; ",
                Processes().Select(process => $"{process.Id}, rank {process.Rank}"))}\n{ChildProcess.Text(_error)}");
            Thread.Sleep(s_look);
        }
    }

    /// <summary>Waits until a file has at least so many lines.</summary>
    public void AwaitLines(string path, int count)
    {
        var clock = Stopwatch.StartNew();
        while (CountLines(path) < count)
        {
            Assert.True(!_launcher.HasExited && clock.Elapsed < ChildProcess.Limit,
                $"{path} has {CountLines(path)} lines, not {count}\n{ChildProcess.Text(_output)}\n{ChildProcess.Text(_error)}");
            Thread.Sleep(s_look);
        }
    }

    /// <summary>Complete lines of a file that another process writes; 0 if there is no such file.</summary>
    public static int CountLines(string path)
    {
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            using var reader = new StreamReader(stream);
            return reader.ReadToEnd().Count(c => c == '\n');
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return 0;
        }
    }

    /// <summary>Sends a signal to a process.</summary>
    public static void Signal(int process, string signal)
    {
        using var target = Process.GetProcessById(process);
        ToolProcess.Signal(target, signal);
    }

    /// <summary>Kills what is left of the job.</summary>
    public void Dispose()
    {
        foreach ((int id, _) in Processes())
        {
            try
            {
                using var process = Process.GetProcessById(id);
                process.Kill();
            }
            catch (Exception e) when (e is ArgumentException or InvalidOperationException)
            {
                // it has ended
            }
        }
        _launcher.Dispose();
    }

    private List<(int Id, int? Rank)> Processes()
    {
        var found = new List<(int, int?)>();
        foreach (string folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder), out int id) && Variables(folder) is { } variables
                && variables.Contains($"{Marker}={_id}"))
            {
                string? rank = s_rankVariables
                    .Select(name => variables.FirstOrDefault(pair => pair.StartsWith(name + "=", StringComparison.Ordinal)))
                    .FirstOrDefault(pair => pair is not null);
                found.Add((id, rank is null ? null : int.Parse(rank.Split('=')[1])));
            }
        }
        return found;
    }

    /// <summary>The environment of a process; empty if it has ended and its parent has not asked yet.</summary>
    private static string[]? Variables(string folder)
    {
        try
        {
            return File.ReadAllText(Path.Combine(folder, "environ")).Split('\0');
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static string? Find(string name, string version)
    {
        string[] folders =
            (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        string? named = folders.Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);
        return named ?? folders.Select(folder => Path.Combine(folder, "mpirun")).Where(File.Exists)
            .FirstOrDefault(path => ChildProcess.Run(new(path, ["--version"])).Output.Contains(version, StringComparison.Ordinal));
    }
}
