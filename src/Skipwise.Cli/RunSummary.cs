using Skipwise.Cli.Display;
using Skipwise.Runs;

namespace Skipwise.Cli;

/// <summary>How a run ended, and what to do next.</summary>
internal static class RunSummary
{
    /// <param name="folder">of the finished model</param>
    /// <param name="next">commands that show what the run achieved</param>
    /// <returns>the exit code</returns>
    public static int Tell(Screen screen, TrainingOutcome outcome, string folder, params string[] next)
    {
        if (!outcome.Completed)
        {
            screen.Note($"saved {outcome.Checkpoint}; continue with --resume");
            return ExitCode.Cancelled;
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
        return ExitCode.Success;
    }
}
