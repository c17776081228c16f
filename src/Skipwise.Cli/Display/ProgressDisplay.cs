using Skipwise.Evaluation;
using Skipwise.Recipes;
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
    private readonly JobPace _jobs;

    internal ProgressDisplay(IProgressView view, TimeProvider clock)
    {
        (_view, _clock) = (view, clock);
        Stage = new SynchronousProgress<string>(view.Begin);
        _jobs = new JobPace(clock);
        Jobs = new SynchronousProgress<ComparisonProgress>(_jobs.Begin);
        Evaluation = EvaluationProgress();
        var pace = new RemainingTime(clock);
        Downloading = new SynchronousProgress<PullProgress>(progress => view.Update((double)progress.Done / Math.Max(1, progress.Total),
            StatusText.Of(progress, pace.Estimate(progress.Done, progress.Total))));
        Tokenizing = new SynchronousProgress<TokenizationProgress>(progress => view.Update(double.NaN, StatusText.Of(progress)));
    }

    /// <summary>a new stage begins; the text says what it does</summary>
    public IProgress<string> Stage { get; }

    public IProgress<EvaluationProgress> Evaluation { get; }

    /// <summary>jobs of a comparison or a reproduction: from the first report on, the time left is also that of the whole command</summary>
    public IProgress<ComparisonProgress> Jobs { get; }

    public IProgress<TokenizationProgress> Tokenizing { get; }

    public IProgress<PullProgress> Downloading { get; }

    /// <summary>A prompt that is read.</summary>
    /// <param name="tokens">its length</param>
    public IProgress<int> Reading(int tokens)
    {
        var pace = new RemainingTime(_clock);
        return new SynchronousProgress<int>(
            done => _view.Update((double)done / tokens, StatusText.OfPrompt(done, tokens, pace.Estimate(done, tokens))));
    }

    /// <summary>Steps of a run.</summary>
    /// <param name="steps">the last step's number</param>
    public IProgress<StepMetrics> Training(int steps)
    {
        var pace = new RemainingTime(_clock);
        return new SynchronousProgress<StepMetrics>(metrics =>
            _view.Update((double)metrics.Step / Math.Max(1, steps), Status(metrics, steps, pace.Estimate(metrics.Step, steps))));
    }

    private string Status(StepMetrics metrics, int steps, TimeSpan? left) => StatusText.Of(metrics, steps, left, _jobs.Left(left));

    /// <summary>Runs <paramref name="work"/> and shows its progress in the way that fits the screen; whatever it throws comes
    /// through.</summary>
    public static T Run<T>(Screen screen, Func<ProgressDisplay, T> work) => screen.Interactive && !screen.IsQuiet
        ? screen.Terminal.Progress()
            .HideCompleted(true)
            .Columns(new ProgressBarColumn { Width = 16 }, new TaskDescriptionColumn { Alignment = Justify.Left })
            .Start(context => Run(new LiveView(screen.Terminal, context, screen.Shown), work))
        : Run(screen.IsQuiet ? new QuietView(screen) : screen.Lines(s_lineInterval), work);

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
        long total = 0;
        var pace = new RemainingTime(_clock);
        return new SynchronousProgress<EvaluationProgress>(progress =>
        {
            if (progress.Task != task && progress.Total != total)
            {
                pace = new RemainingTime(_clock); // another evaluation; within one, the total is that of the whole command
            }
            (task, total) = (progress.Task, progress.Total);
            TimeSpan? left = pace.Estimate(progress.Done, progress.Total);
            _view.Update((double)progress.Done / Math.Max(1, progress.Total), StatusText.Of(progress, left, _jobs.Left(left)));
        });
    }
}
