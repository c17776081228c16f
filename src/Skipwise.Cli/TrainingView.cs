using Skipwise.Recipes;
using Skipwise.Text;
using Skipwise.Training;

namespace Skipwise.Cli;

/// <summary>A run as a person follows it: loss, learning rate, speed, time left.</summary>
internal sealed class TrainingView(Terminal terminal, int steps, string stage = "step") : IProgress<StepMetrics>, IDisposable
{
    private readonly ProgressLine _line = new(terminal);
    private int? _before; // steps done before this process began, when resumed

    public void Report(StepMetrics value)
    {
        _before ??= value.Step - 1;
        double done = (double)(value.Step - _before.Value) / (steps - _before.Value);
        _line.Show(() =>
            $"{stage} {value.Step}/{steps}  loss {value.Loss:F4}  lr {value.LearningRate:0.00e+0}  {value.TokensPerSecond:F0} tokens/s  " +
            (done < 1 ? $"{_line.TimeLeft(done)} left" : $"{ProgressLine.Duration(_line.Elapsed)}"), always: done >= 1);
    }

    public void Dispose() => _line.Dispose();

    /// <summary>While text becomes tokens.</summary>
    public static IProgress<TokenizationProgress> Tokenizing(ProgressLine line) =>
        new Relay<TokenizationProgress>(value => line.Show(() => $"tokenizing: {value.Documents} documents, {value.Tokens} tokens"));

    /// <summary>Says how the run ended.</summary>
    /// <returns>the exit code</returns>
    public static int Tell(Terminal terminal, TrainingOutcome outcome, string folder, params string[] next)
    {
        if (!outcome.Completed)
        {
            terminal.Note($"saved {outcome.Checkpoint}; continue with --resume");
            return ExitCode.Cancelled;
        }
        terminal.Line($"saved {folder}");
        terminal.Line("next:");
        foreach (string command in next)
        {
            terminal.Line($"  {command}");
        }
        return ExitCode.Success;
    }
}
