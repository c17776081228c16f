using System.Collections.Immutable;
using Skipwise.Numerics;

namespace Skipwise.Positions;

/// <summary>
/// Draws an example's positions (paper, section 3.2). Pure: the same generator state gives the same plan.
/// The window holds len = min(n, Lc) tokens. Chunk i begins after the i chunks before it, plus a bias: u_i for positions, v_i for content.
/// Biases never decrease, so positions and content indices rise; u_0 = v_0 = 0. <see cref="PositionOptions.EndShare"/> may put the last
/// chunk at the end.
/// </summary>
/// <example>
/// <code>
/// using Skipwise.Numerics;
///
/// PoseOptions pose = new() { TrainLength = 2048, TargetLength = 16384 };
/// KeyedRandom rng = new(seed: 1, stream: 0, index: 0); // of example 0 in epoch 0
/// PositionPlan plan = PoseSampler.Sample(ref rng, documentLength: 5000, pose);
/// int[] positions = plan.PositionIds(), content = plan.ContentIndices(); // 2048 each; position ids skip, and stay below 16384
/// </code>
/// </example>
public static class PoseSampler
{
    /// <summary>Draws a plan from a document's length alone; <see cref="PoseOptions.SplitAfter"/> must be empty.</summary>
    /// <param name="rng">the example's own generator, advanced by the draws</param>
    /// <param name="documentLength">n, at least 1</param>
    /// <param name="pose">valid options (<see cref="PoseOptions.Validate"/>)</param>
    public static PositionPlan Sample(ref KeyedRandom rng, int documentLength, PoseOptions pose) =>
        Draw(ref rng, documentLength, default, pose);

    /// <summary>Draws a plan for this document. Chunks are cut right after <see cref="PoseOptions.SplitAfter"/> tokens if
    /// possible.</summary>
    /// <param name="rng">the example's own generator, advanced by the draws</param>
    /// <param name="document">token ids</param>
    /// <param name="pose">valid options (<see cref="PoseOptions.Validate"/>)</param>
    /// <param name="leadingTokens">tokens prepended to the document (1 for BOS); content index k is then <c>document[k -
    /// leadingTokens]</c></param>
    public static PositionPlan Sample(ref KeyedRandom rng, ReadOnlySpan<int> document, PoseOptions pose, int leadingTokens = 0) =>
        Draw(ref rng, document.Length + leadingTokens, new SplitPoints(document, leadingTokens, pose.SplitAfter), pose);

    private static PositionPlan Draw(ref KeyedRandom rng, int documentLength, SplitPoints places, PoseOptions pose)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(documentLength, 1);
        int length = WindowLength(pose, documentLength);
        // A follow example reads as many tokens as it has positions, so it may only start where that many are left.
        bool follows = pose.Mode == PositionMode.Pose && pose.Content == ContentMode.Follow;
        int reach = follows ? Math.Min(documentLength, pose.TargetLength) : length;
        int start = pose.RandomStart ? rng.Between(0, documentLength - reach) : 0;
        ImmutableArray<Chunk> chunks = pose.Mode switch
        {
            PositionMode.Pose => Pose(ref rng, start, documentLength - start, length, places, pose),
            PositionMode.RandPos => Baselines.RandPos(ref rng, start, length, pose.TargetLength),
            _ => [new Chunk(start, length, 0)],
        };
        return new PositionPlan(chunks, length, documentLength, pose.TargetLength);
    }

    /// <summary>The number of tokens in an example: min(n, Lc), or min(n, Lt) in full mode.</summary>
    internal static int WindowLength(PoseOptions pose, int documentLength) =>
        Math.Min(documentLength, pose.Mode == PositionMode.Full ? pose.TargetLength : pose.TrainLength);

    /// <summary>The largest chunk length, given <paramref name="left"/> remaining tokens of which <paramref name="later"/> later chunks
    /// need one each.</summary>
    internal static int LongestChunk(LengthRule rule, int left, int later) =>
        later == 0 ? left : rule == LengthRule.Released ? (left + 1) / 2 : left - later;

    /// <summary>The largest position bias: Lt - len. In follow mode the document's end bounds it too.</summary>
    internal static int LargestSkip(PoseOptions pose, int textLength, int length) =>
        (pose.Content == ContentMode.Follow ? Math.Min(pose.TargetLength, textLength) : pose.TargetLength) - length;

    private static ImmutableArray<Chunk> Pose(ref KeyedRandom rng, int start, int textLength, int length, SplitPoints places,
        PoseOptions pose)
    {
        int count = Math.Min(pose.Chunks, length);
        int largestU = LargestSkip(pose, textLength, length);
        int largestV = pose.Content == ContentMode.Follow ? largestU : textLength - length;
        var chunks = ImmutableArray.CreateBuilder<Chunk>(count);
        int used = 0; // tokens of the window given to earlier chunks
        int u = 0;
        int v = 0;
        for (int i = 0; i < count; i++)
        {
            int origin = start + used; // this chunk's first content index without a content bias
            if (i > 0)
            {
                // No draw of its own without an end share, so that positions without one stay those of earlier releases.
                bool atEnd = i == count - 1 && pose.EndShare > 0 && rng.Chance(pose.EndShare);
                u = atEnd ? largestU : rng.Between(u, largestU);
                if (pose.Content != ContentMode.Contiguous)
                {
                    int drawn = pose.Content == ContentMode.Follow ? u : rng.Between(v, largestV);
                    v = places.Nearest(origin + drawn, origin + v, origin + largestV) - origin;
                }
                // In follow mode a start that moved to a split point moves its position too.
                u = pose.Content == ContentMode.Follow ? v : u;
            }
            int begin = origin + v;
            int longest = LongestChunk(pose.LengthRule, length - used, count - 1 - i);
            int tokens = i == count - 1
                ? longest
                : places.Nearest(begin + rng.Between(1, longest), begin + 1, begin + longest) - begin;
            chunks.Add(new Chunk(begin, tokens, u + used));
            used += tokens;
        }
        return chunks.MoveToImmutable();
    }
}
