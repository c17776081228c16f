using Skipwise.Numerics;

namespace Skipwise.Evaluation.Scoring;

/// <summary>Successes among trials.</summary>
internal static class Proportion
{
    /// <summary>Of the share, over trials; null for a single trial, which says nothing about spread.</summary>
    public static double? StandardError(int successes, int trials) =>
        trials < 2 ? null : Statistics.StandardError([.. Enumerable.Range(0, trials).Select(i => i < successes ? 1.0 : 0)]);
}
