using System.Globalization;

namespace Skipwise.Training;

/// <summary>
/// Keeps bad steps from the weights. Bad is a loss or gradient that is no number, and a spike: a loss above
/// q90 + threshold * (q90 - q10), the quantiles taken over the last <see cref="HistoryLength"/> losses. Quantiles and not a mean and
/// deviation, since those follow the very outliers that they should tell; the upper one and not the median, since texts of two
/// kinds have losses at two levels.
/// </summary>
public sealed class StepGuard(TrainOptions options, StepGuardState? state = null)
{
    /// <summary>losses that a spike is held against</summary>
    public const int HistoryLength = 64;
    /// <summary>with fewer, no loss is a spike</summary>
    public const int MinHistory = 16;

    private const double LeastWidth = 0.05; // nats: a run that has learned its data by heart has a width near 0
    private string? _fault; // of the step just noted
    private bool _isSpike;

    /// <summary>recent losses and skipped steps, as saved with a checkpoint</summary>
    public StepGuardState State { get; private set; } = state ?? new();

    /// <summary>Why a step with this loss must not be taken; null when it may.</summary>
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

    /// <summary>Above this a loss is a spike; infinite while that cannot be told.</summary>
    public double SpikeLimit()
    {
        if (options.SpikeThreshold == 0 || State.RecentLosses.Count < MinHistory)
        {
            return double.PositiveInfinity;
        }
        double[] sorted = [.. State.RecentLosses.Order()];
        double low = Quantile(sorted, 0.1), high = Quantile(sorted, 0.9);
        return high + (options.SpikeThreshold * Math.Max(high - low, LeastWidth));
    }

    /// <summary>Remembers a step.</summary>
    /// <param name="loss">its loss</param>
    /// <param name="fault">why it was skipped; null when it was taken</param>
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

    /// <summary>Ends a run whose steps go bad.</summary>
    /// <param name="step">the step just noted</param>
    /// <param name="isLast">no good step can follow: then a single one that is no number is too many</param>
    /// <exception cref="SkipwiseException">too many bad steps in a row</exception>
    public void ThrowIfTooManyBadSteps(int step, bool isLast)
    {
        if (_fault is null || (State.ConsecutiveSkips < options.MaxBadSteps && !(isLast && !_isSpike)))
        {
            return;
        }
        string row = State.ConsecutiveSkips == 1
            ? "It was skipped"
            : $"Steps {step - State.ConsecutiveSkips + 1} to {step} went bad in a row and were skipped";
        throw new SkipwiseException(
            $"Step {step}: {_fault}; training has diverged. {row}, {State.SkippedSteps} in all; the weights are those before. " +
            string.Create(CultureInfo.InvariantCulture, $"Lower --learning-rate (now {options.LearningRate}), ") +
            $"raise --warmup-steps (now {options.WarmupSteps}), or bear more with --max-bad-steps (now {options.MaxBadSteps}).");
    }

    /// <summary>Between the two nearest ranks in a straight line.</summary>
    private static double Quantile(double[] sorted, double share)
    {
        double rank = share * (sorted.Length - 1);
        int below = (int)rank;
        double above = sorted[Math.Min(below + 1, sorted.Length - 1)];
        return sorted[below] + ((rank - below) * (above - sorted[below]));
    }
}
