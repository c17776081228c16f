using Skipwise.Evaluation;
using Skipwise.TokenStores;
using Skipwise.Training;
using Spectre.Console;

namespace Skipwise.Cli.Display;

/// <summary>Shows what a recipe reports while it runs: stages, training steps, evaluation, tokenization. The recipe reports from one
/// thread.</summary>
internal sealed class ProgressDisplay
{
    private static readonly TimeSpan s_lineInterval = TimeSpan.FromSeconds(5);

    private readonly IProgressView _view;
    private readonly TimeProvider _clock;

    internal ProgressDisplay(IProgressView view, TimeProvider clock)
    {
        (_view, _clock) = (view, clock);
        Stage = new SynchronousProgress<string>(view.Begin);
        Evaluation = EvaluationProgress();
        Tokenizing = new SynchronousProgress<TokenizationProgress>(progress => view.Update(double.NaN, StatusText.Of(progress)));
    }

    /// <summary>a new stage begins; the text says what it does</summary>
    public IProgress<string> Stage { get; }

    public IProgress<EvaluationProgress> Evaluation { get; }

    public IProgress<TokenizationProgress> Tokenizing { get; }

    /// <summary>Steps of a run.</summary>
    /// <param name="steps">the last step's number</param>
    public IProgress<StepMetrics> Training(int steps)
    {
        var pace = new RemainingTime(_clock);
        return new SynchronousProgress<StepMetrics>(metrics =>
            _view.Update((double)metrics.Step / Math.Max(1, steps), StatusText.Of(metrics, steps, pace.Estimate(metrics.Step, steps))));
    }

    /// <summary>Runs <paramref name="work"/> and shows its progress in the way that fits the screen; whatever it throws comes
    /// through.</summary>
    public static T Run<T>(Screen screen, Func<ProgressDisplay, T> work) => screen.Interactive
        ? screen.Terminal.Progress()
            .HideCompleted(true)
            .Columns(new ProgressBarColumn { Width = 16 }, new TaskDescriptionColumn { Alignment = Justify.Left })
            .Start(context => Run(new LiveView(screen.Terminal, context, screen.Shown), work))
        : Run(screen.Lines(s_lineInterval), work);

    private static T Run<T>(IProgressView view, Func<ProgressDisplay, T> work)
    {
        try
        {
            return work(new ProgressDisplay(view, TimeProvider.System));
        }
        finally
        {
            view.End();
        }
    }

    private SynchronousProgress<EvaluationProgress> EvaluationProgress()
    {
        string? task = null;
        var pace = new RemainingTime(_clock);
        return new SynchronousProgress<EvaluationProgress>(progress =>
        {
            if (progress.Task != task)
            {
                (task, pace) = (progress.Task, new RemainingTime(_clock)); // another task has other costs per token
            }
            _view.Update((double)progress.Done / Math.Max(1, progress.Total),
                StatusText.Of(progress, pace.Estimate(progress.Done, progress.Total)));
        });
    }
}
