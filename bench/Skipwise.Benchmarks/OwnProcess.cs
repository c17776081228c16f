using System.Diagnostics;

namespace Skipwise.Benchmarks;

/// <summary>Work in a process of its own, for a peak of memory or patches of its own.</summary>
internal static class OwnProcess
{
    /// <summary>Runs this program with other arguments.</summary>
    /// <returns>what it printed</returns>
    public static string Run(IEnumerable<string> arguments, IEnumerable<(string Name, string Value)>? environment = null) =>
        Run(Environment.ProcessPath!, [Environment.GetCommandLineArgs()[0], .. arguments], environment);

    /// <inheritdoc cref="Run(IEnumerable{string}, IEnumerable{ValueTuple{string, string}}?)"/>
    public static string Run(string program, IEnumerable<string> arguments, IEnumerable<(string Name, string Value)>? environment = null)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true };
        foreach ((string name, string value) in environment ?? [])
        {
            start.Environment[name] = value;
        }
        using Process process = Process.Start(start)!;
        string output = process.StandardOutput.ReadToEnd().Trim();
        process.WaitForExit();
        return process.ExitCode == 0
            ? output
            : throw new InvalidOperationException($"{string.Join(' ', arguments)} ended with exit code {process.ExitCode}");
    }
}
