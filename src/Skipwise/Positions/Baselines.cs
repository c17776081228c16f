using System.Collections.Immutable;
using Skipwise.Numerics;

namespace Skipwise.Positions;

/// <summary>The RandPos plan, a baseline of PoSE. The baselines full and short need no draws: they are a single chunk.</summary>
internal static class Baselines
{
    /// <summary>Contiguous text at <paramref name="length"/> distinct positions drawn from 0..Lt - 1, sorted. Consecutive positions form
    /// one chunk.</summary>
    public static ImmutableArray<Chunk> RandPos(ref KeyedRandom rng, int start, int length, int targetLength)
    {
        var chunks = ImmutableArray.CreateBuilder<Chunk>();
        int used = 0;
        int run = 0; // length of the run of consecutive positions that ends here
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
