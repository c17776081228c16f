using System.CommandLine;
using Skipwise.Cli.Display;
using Skipwise.Cli.Flags;
using Skipwise.Cli.Results;
using Skipwise.Runs;

namespace Skipwise.Cli;

/// <summary>How a run ended, and what to do next.</summary>
internal static class RunSummary
{
    /// <param name="folder">of the finished model</param>
    /// <param name="next">commands that show what the run achieved</param>
    /// <returns>the exit code</returns>
    public static int Tell(Screen screen, ParseResult parse, JsonFlag<RunResult> json, TrainingOutcome outcome, string folder,
        params string[] next)
    {
        json.Show(parse, screen, new RunResult(folder, outcome.Completed, outcome.Checkpoint, outcome.Note), () =>
        {
            if (!outcome.Completed)
            {
                screen.Note(outcome.Checkpoint is { } checkpoint
                    ? $"saved {checkpoint}; continue with --resume"
                    : "stopped within the first step, so there is nothing new to save; continue with --resume");
                return;
            }
            if (outcome.Note is { } remark)
            {
                screen.Note(remark);
            }
            screen.Line($"saved {folder}");
            screen.Line("next:");
            foreach (string command in next)
            {
                screen.Line($"  {command}");
            }
        });
        return outcome.Completed ? ExitCode.Success : ExitCode.Cancelled;
    }

    /// <summary>A path as a shell reads it back.</summary>
    public static string Quoted(string path) =>
        path.Length > 0 && path.All(letter => char.IsLetterOrDigit(letter) || "/\\._-:+,=@%".Contains(letter, StringComparison.Ordinal))
            ? path
            : OperatingSystem.IsWindows() ? $"\"{path}\"" : $"'{path.Replace("'", "'\\''", StringComparison.Ordinal)}'";
}
