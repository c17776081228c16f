using Skipwise.Numerics;

namespace Skipwise.Evaluation.Scoring;

/// <summary>Statistics of a proportion: successes among trials.</summary>
internal static class Proportion
{
    /// <summary>The standard error of the proportion; null for a single trial.</summary>
    public static double? StandardError(int successes, int trials) =>
        trials < 2 ? null : Statistics.StandardError([.. Enumerable.Range(0, trials).Select(i => i < successes ? 1.0 : 0)]);
}
