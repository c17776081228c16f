using System.Globalization;

namespace Skipwise.Training;

/// <summary>
/// Skips steps with a non-finite loss or gradient, and loss spikes. A spike is a loss above q90 + threshold * (q90 - q10), with quantiles
/// over the last <see cref="HistoryLength"/> losses. Mean and deviation would follow the very outliers to be detected; the upper quantile
/// replaces the median because texts of two kinds have losses at two levels.
/// </summary>
public sealed class StepGuard(TrainOptions options, StepGuardState? state = null)
{
    /// <summary>number of recent losses that a loss is compared with</summary>
    public const int HistoryLength = 64;
    /// <summary>number of losses before a spike can be detected</summary>
    public const int MinHistory = 16;

    private const double MinWidth = 0.05; // nats: a run that has memorized its data has a width near 0
    private string? _fault; // of the last recorded step
    private bool _isSpike;

    /// <summary>recent losses and skipped steps, as saved with a checkpoint</summary>
    public StepGuardState State { get; private set; } = state ?? new();

    /// <summary>Reason to skip a step with this loss; null if there is none.</summary>
    public string? CheckLoss(double loss)
    {
        if (!double.IsFinite(loss))
        {
            _isSpike = false;
            return FormattableString.Invariant($"the loss is {loss}");
        }
        double bound = SpikeLimit();
        _isSpike = loss > bound;
        return _isSpike ? FormattableString.Invariant($"the loss is {loss:0.####}, a spike above {bound:0.####}") : null;
    }

    /// <summary>Losses above it are spikes; infinite until there is enough history.</summary>
    public double SpikeLimit()
    {
        if (options.SpikeThreshold == 0 || State.RecentLosses.Count < MinHistory)
        {
            return double.PositiveInfinity;
        }
        double[] sorted = [.. State.RecentLosses.Order()];
        double low = Quantile(sorted, 0.1), high = Quantile(sorted, 0.9);
        return high + (options.SpikeThreshold * Math.Max(high - low, MinWidth));
    }

    /// <summary>Records a step.</summary>
    /// <param name="loss">its loss</param>
    /// <param name="fault">why it was skipped; null if it was taken</param>
    public void Record(double loss, string? fault)
    {
        _fault = fault;
        State = new StepGuardState
        {
            SkippedSteps = State.SkippedSteps + (fault is null ? 0 : 1),
            ConsecutiveSkips = fault is null ? 0 : State.ConsecutiveSkips + 1,
            RecentLosses = double.IsFinite(loss) ? [.. State.RecentLosses.TakeLast(HistoryLength - 1), loss] : State.RecentLosses,
        };
    }

    /// <summary>Ends a run after too many skipped steps in a row.</summary>
    /// <param name="step">the last recorded step</param>
    /// <param name="isLast">no step follows: then a single non-finite one is too many</param>
    /// <exception cref="SkipwiseException">too many skipped steps in a row</exception>
    public void ThrowIfTooManyBadSteps(int step, bool isLast)
    {
        if (_fault is null || (State.ConsecutiveSkips < options.MaxBadSteps && !(isLast && !_isSpike)))
        {
            return;
        }
        string row = State.ConsecutiveSkips == 1
            ? "It was skipped"
            : $"Steps {step - State.ConsecutiveSkips + 1} to {step} were skipped";
        throw new SkipwiseException(
            $"Step {step}: {_fault}; training has diverged. {row}, {State.SkippedSteps} in all; the weights are those before. " +
            string.Create(CultureInfo.InvariantCulture,
                $"Lower {OptionName.Of(nameof(TrainOptions.LearningRate))} (now {options.LearningRate}), ") +
            $"raise {OptionName.Of(nameof(TrainOptions.WarmupSteps))} (now {options.WarmupSteps}), " +
            $"or raise {OptionName.Of(nameof(TrainOptions.MaxBadSteps))} (now {options.MaxBadSteps}).");
    }

    /// <summary>Quantile with linear interpolation between ranks.</summary>
    private static double Quantile(double[] sorted, double quantile)
    {
        double rank = quantile * (sorted.Length - 1);
        int below = (int)rank;
        double above = sorted[Math.Min(below + 1, sorted.Length - 1)];
        return sorted[below] + ((rank - below) * (above - sorted[below]));
    }
}
