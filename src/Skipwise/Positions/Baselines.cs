using System.Collections.Immutable;
using Skipwise.Numerics;

namespace Skipwise.Positions;

/// <summary>The plan that PoSE is compared with and that needs draws of its own; full and short are a single chunk.</summary>
internal static class Baselines
{
    /// <summary>Contiguous text whose positions are <paramref name="length"/> distinct draws from 0..Lt - 1, sorted; neighbours share a
    /// chunk.</summary>
    public static ImmutableArray<Chunk> RandPos(ref KeyedRandom rng, int start, int length, int targetLength)
    {
        var chunks = ImmutableArray.CreateBuilder<Chunk>();
        int used = 0;
        int run = 0; // tokens of the run of neighbouring positions that ends here
        // Selection sampling: a position is taken with probability wanted / left, which makes every subset equally likely and sorts it.
        for (int position = 0; position < targetLength; position++)
        {
            bool taken = used < length && rng.Below(targetLength - position) < length - used;
            if (taken)
            {
                used++;
                run++;
            }
            if (run > 0 && (!taken || position == targetLength - 1))
            {
                int end = taken ? position + 1 : position;
                chunks.Add(new Chunk(start + used - run, run, end - run));
                run = 0;
            }
        }
        return chunks.ToImmutable();
    }
}
