namespace Skipwise.Reports;

/// <summary>
/// The demo's outcome in sentences. Each is derived from the values: PoSE is compared with the control, and differences within the error
/// bars are stated as such.
/// </summary>
internal static class DemoSummary
{
    /// <summary>
    /// The sentences. The lead has what the base model does past its window, what PoSE reaches and what the control does. Sentences whose
    /// values are missing are omitted.
    /// </summary>
    public static ReportSummary Of(DemoResults results)
    {
        string setting = Setting(results);
        string[] measured = [.. new[] { Base(results), Pose(results), Control(results) }.OfType<string>()];
        string?[] others =
        [
            Windows(results), PosePerplexity(results), ControlPerplexity(results), Interpolated(results), Beyond(results), Bars(results),
            Caution(results),
        ];
        return measured.Length > 0
            ? new(measured, [setting, .. others.OfType<string>()])
            : new([setting], [.. others.OfType<string>()]);
    }

    private static string Setting(DemoResults r) =>
        $"{r.Model ?? "The base model"} has a window of {r.TrainLength} tokens; PoSE aims at {r.TargetLength} " +
        $"({NumberFormat.Multiple(r.TargetLength, r.TrainLength)}).";

    private static string? Windows(DemoResults r) => r.LongestTrainingWindow switch
    {
        null => null,
        { } longest when longest <= r.TrainLength => $"No window of the fine-tuning was longer than {longest} tokens.",
        { } longest =>
            $"The fine-tuning used windows of up to {longest} tokens, longer than the original {r.TrainLength}: these results are not " +
            $"those of training on short windows.",
    };

    private static string? Base(DemoResults r)
    {
        if (Passkey(r, DemoVariant.Base, r.TrainLength) is not { } inside)
        {
            return null;
        }
        PasskeyPoint[] beyond = [.. r.Passkey.Where(p => p.Variant == DemoVariant.Base && p.Length >= 2 * r.TrainLength)];
        string start = $"The base model finds the hidden passkey in {Count(inside)} at {inside.Length} tokens";
        if (beyond.Length == 0)
        {
            return start + ".";
        }
        PasskeyPoint best = beyond.MaxBy(p => p.Accuracy)!;
        return best.Accuracy <= 0.1 && inside.Accuracy >= 0.5
            ? $"{start} and in {(best.Accuracy > 0 ? "at most " : "")}{Count(best)} from {beyond.Min(p => p.Length)} tokens on: it fails " +
                $"past its window."
            : $"{start} and in up to {Count(best)} at {best.Length} tokens, past its window.";
    }

    private static string? Pose(DemoResults r)
    {
        PasskeyPoint[] within =
            [.. r.Passkey.Where(p => p.Variant == DemoVariant.Pose && p.Length <= r.TargetLength).OrderBy(p => p.Length)];
        if (within.Length == 0)
        {
            return null;
        }
        PasskeyPoint last = within[^1], worst = within.MinBy(p => p.Accuracy)!;
        string interval = last is { IntervalLow: { } low, IntervalHigh: { } high }
            ? $" (95 % interval {NumberFormat.Fraction(low)} to {NumberFormat.Fraction(high)})"
            : "";
        string elsewhere = worst.Accuracy < last.Accuracy
            ? $"; its lowest accuracy up to there is {Count(worst)} at {worst.Length}"
            : within.Length > 1 && last.Accuracy > 0.5
            ? ", and no less often at any shorter length"
            : "";
        return $"After PoSE the model finds the key in {Count(last)} at {last.Length} tokens{interval}{elsewhere}.";
    }

    private static string? PosePerplexity(DemoResults r)
    {
        if (Perplexity(r, DemoVariant.Pose, r.TrainLength) is not { } near
            || Perplexity(r, DemoVariant.Pose, r.TargetLength) is not { } far)
        {
            return null;
        }
        string change =
            Differ(near, far) switch
            {
                null => "goes",
                false => "stays within the error bars",
                true => far.Value < near.Value
                ? "falls"
                : "rises"
            };
        return $"PoSE's perplexity {change}, from {NumberFormat.Perplexity(near.Value)} with {near.Length} tokens of window to " +
            $"{NumberFormat.Perplexity(far.Value)} with {far.Length}.";
    }

    private static string? Control(DemoResults r)
    {
        if (Passkey(r, DemoVariant.Short, r.TargetLength) is not { } control
            || Passkey(r, DemoVariant.Pose, r.TargetLength) is not { } pose)
        {
            return null;
        }
        string verdict = (control, pose) switch
        {
            ({ IntervalHigh: { } high }, { IntervalLow: { } low }) when low > high => ": in this run the skips made the difference.",
            ({ IntervalLow: { } low }, { IntervalHigh: { } high }) when low > high =>
                ": it does better than PoSE, so this run speaks against the skips.",
            ({ IntervalLow: not null, IntervalHigh: not null }, { IntervalLow: not null, IntervalHigh: not null }) =>
                ": the two cannot be told apart by these trials, so this run does not show that retrieval needs the skips.",
            _ => ".",
        };
        return $"The control, fine-tuned alike but without skips, finds the key in {Count(control)} at {control.Length} tokens{verdict}";
    }

    private static string? ControlPerplexity(DemoResults r)
    {
        if (Perplexity(r, DemoVariant.Short, r.TargetLength) is not { } control
            || Perplexity(r, DemoVariant.Pose, r.TargetLength) is not { } pose)
        {
            return null;
        }
        string verdict = Differ(control, pose) switch
        {
            null => "",
            false => ": a difference within the error bars",
            true => pose.Value < control.Value ? ": PoSE's is lower" : ": the control's is lower",
        };
        return $"At {pose.Length} tokens the control's perplexity is {NumberFormat.Perplexity(control.Value)} against PoSE's " +
            $"{NumberFormat.Perplexity(pose.Value)}{verdict}.";
    }

    private static string? Interpolated(DemoResults r) => Passkey(r, DemoVariant.Interpolated, r.TargetLength) is { } untrained
        ? $"Interpolation alone, without training, finds the key in {Count(untrained)} at {untrained.Length} tokens."
        : null;

    private static string? Beyond(DemoResults r) =>
        r.Passkey.Where(p => p.Variant == DemoVariant.Pose && p.Length > r.TargetLength).MaxBy(p => p.Length) is { } far
            ? $"At {far.Length} tokens, past the target, PoSE finds the key in {Count(far)}."
            : null;

    private static string? Bars(DemoResults r)
    {
        if (r.Bars is not { Count: > 0 } bars)
        {
            return null;
        }
        string[] missed = [.. bars.Where(bar => !bar.Met).Select(bar => bar.Name)];
        return missed.Length == 0
            ? $"All {bars.Count} success criteria of the demo are met."
            : $"{missed.Length} of {bars.Count} success criteria {(missed.Length == 1 ? "is" : "are")} not met: " +
                $"{string.Join("; ", missed)}.";
    }

    private static string Caution(DemoResults r) =>
        $"This is one run{(r.Seed is { } seed ? $" (seed {seed})" : "")}: the intervals cover the choice of trials and documents, not " +
        $"the randomness of the fine-tuning.";

    private static PasskeyPoint? Passkey(DemoResults r, string variant, int length) =>
        r.Passkey.FirstOrDefault(p => p.Variant == variant && p.Length == length);

    private static PerplexityPoint? Perplexity(DemoResults r, string variant, int length) =>
        r.Perplexity.FirstOrDefault(p => p.Variant == variant && p.Length == length);

    // A conservative test: both are evaluated on the same documents, so the error of their difference is smaller. Null without errors.
    private static bool? Differ(PerplexityPoint a, PerplexityPoint b) => double.IsNaN(a.StandardError + b.StandardError)
        ? null
        : Math.Abs(a.Value - b.Value) > 1.96 * Math.Sqrt((a.StandardError * a.StandardError) + (b.StandardError * b.StandardError));

    private static string Count(PasskeyPoint p) => Correct(p) == 0 ? $"none of {p.Trials} trials" : $"{Correct(p)} of {p.Trials} trials";

    internal static int Correct(PasskeyPoint p) => p.Correct ?? (int)Math.Round(p.Accuracy * p.Trials);
}
