using Skipwise.Numerics;

namespace Skipwise.Positions;

/// <summary>
/// The probability that one example contains a pair of tokens at relative distance r, for every r (paper, figure 5): double[Lt], entry 0
/// is 0. The model cannot learn a distance that training never shows.
/// </summary>
/// <example>
/// <code>
/// PoseOptions pose = new() { TrainLength = 2048, TargetLength = 16384 };
/// CoverageCurve curve = Coverage.Compute(pose, documentLength: 5000, samples: 10000, seed: 1); // two chunks: exact
/// double rarest = curve.Probability.Skip(1).Min(); // 1 / 14337, at distance 16383
/// double windows = 1000 * 64 * curve.Probability[16383]; // that 1000 steps of 64 windows show it in: 4.5
/// </code>
/// </example>
public static class Coverage
{
    /// <summary>The exact curve if there is one (<see cref="Exact"/>), else an estimate.</summary>
    /// <param name="pose">valid options (<see cref="PoseOptions.Validate"/>); <see cref="PoseOptions.SplitAfter"/> is ignored</param>
    /// <param name="documentLength">n, at least 1</param>
    /// <param name="samples">plans drawn for an estimate, at least 1</param>
    /// <param name="seed">of the draws</param>
    /// <param name="stop">ends the computation with an <see cref="OperationCanceledException"/></param>
    public static CoverageCurve Compute(PoseOptions pose, int documentLength, int samples, ulong seed, CancellationToken stop = default) =>
        Exact(pose, documentLength, stop) is { } exact
            ? new CoverageCurve(exact, null)
            : new CoverageCurve(Estimate(pose, documentLength, samples, seed, stop), samples);

    /// <summary>
    /// The exact probabilities (at most two chunks, full, short, RandPos), or null: with three chunks and more every pair of chunks covers
    /// distances, no pair independently of another. Ignores <see cref="PoseOptions.SplitAfter"/>.
    /// </summary>
    public static double[]? Exact(PoseOptions pose, int documentLength, CancellationToken stop = default)
    {
        int length = PoseSampler.WindowLength(pose, documentLength);
        int chunks = pose.Mode == PositionMode.Pose ? Math.Min(pose.Chunks, length) : 1;
        if (chunks > 2)
        {
            return null;
        }
        if (pose.Mode == PositionMode.RandPos)
        {
            return RandPosCoverage.Compute(length, pose.TargetLength, stop);
        }
        double[] coverage = new double[pose.TargetLength];
        for (int r = 1; r < coverage.Length; r++)
        {
            coverage[r] = chunks == 1 ? (r < length ? 1 : 0) : TwoChunks(r, length, documentLength, pose);
        }
        return coverage;
    }

    /// <summary>
    /// Inside the chunks r is covered up to the longer chunk's length - 1. Across them it is covered from u + 1 to u + len - 1, wherever
    /// the cut lies. The cut and u are independent, so r is missed with the product of the two probabilities.
    /// In the middle only the second one counts: the plateau (len - 1) / (Lt - len + 1).
    /// With the end share p the second probability is (1 - p) times PoSE's, plus p from Lt - len + 1 on, where the largest u covers r.
    /// </summary>
    private static double TwoChunks(int r, int length, int documentLength, PoseOptions pose)
    {
        int longestFirst = PoseSampler.LongestChunk(pose.LengthRule, length, 1);
        // first chunks l with l <= r and len - l <= r show no distance r
        int cutsThatMiss = Math.Max(0, Math.Min(longestFirst, r) - Math.Max(1, length - r) + 1);
        int largestSkip = PoseSampler.LargestSkip(pose, documentLength, length);
        int skipsThatCover = Math.Max(0, Math.Min(largestSkip, r - 1) - Math.Max(0, r - length + 1) + 1);
        double across = (double)skipsThatCover / (largestSkip + 1);
        bool endCovers = r > largestSkip && r < largestSkip + length;
        across = ((1 - pose.EndShare) * across) + (endCovers ? pose.EndShare : 0);
        return 1 - ((double)cutsThatMiss / longestFirst * (1 - across));
    }

    /// <summary>The fraction of <paramref name="samples"/> drawn plans that cover each distance. Its standard error is at most 0.5 /
    /// sqrt(samples).</summary>
    public static double[] Estimate(PoseOptions pose, int documentLength, int samples, ulong seed, CancellationToken stop = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(samples, 1);
        // changes[r] = ranges that begin at r minus ranges that ended before it: the running sum counts the plans that cover r
        int[] changes = new int[pose.TargetLength + 1];
        for (int sample = 0; sample < samples; sample++)
        {
            stop.ThrowIfCancellationRequested();
            var rng = new KeyedRandom(seed, stream: 0, index: (ulong)sample);
            foreach (DistanceRange range in CoveredDistances.Compute(PoseSampler.Sample(ref rng, documentLength, pose)))
            {
                changes[range.First]++;
                changes[range.Last + 1]--;
            }
        }
        double[] coverage = new double[pose.TargetLength];
        int covering = 0;
        for (int r = 0; r < coverage.Length; r++)
        {
            covering += changes[r];
            coverage[r] = (double)covering / samples;
        }
        return coverage;
    }
}
