using System.Diagnostics;

namespace Skipwise.Tests.Cli;

/// <summary>The tool as a process of its own.</summary>
internal static class ToolProcess
{
    /// <summary>The tool beside the tests.</summary>
    public static string Path { get; } = System.IO.Path.Combine(AppContext.BaseDirectory, "skipwise.dll");

    public static ProcessStartInfo Start(params string[] args) =>
        new("dotnet", [Path, .. args]) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };

    public static (int Code, string Output, string Error) Run(params string[] args) => ChildProcess.Run(Start(args));

    public static void Signal(Process process, string signal)
    {
        using Process kill = Process.Start("kill", [$"-{signal}", $"{process.Id}"]);
        kill.WaitForExit();
    }
}
