using System.Runtime.CompilerServices;

namespace Skipwise.Numerics;

/// <summary>
/// A counter-based random generator: the n-th draw is a hash of (seed, stream, index, n) alone, so an example is a pure function of its
/// place. A resumed run needs only a cursor, and every world size gets the same examples.
/// </summary>
/// <remarks>
/// SplitMix64's finalizer over a Weyl sequence (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014); the key is
/// absorbed by the same finalizer. It is a mutable struct: pass it by <c>ref</c>, because a copy repeats the same draws.
/// </remarks>
public struct KeyedRandom
{
    private const ulong GoldenGamma = 0x9E3779B97F4A7C15;
    private ulong _state;

    /// <summary>A generator for a key.</summary>
    /// <param name="seed">the run's seed</param>
    /// <param name="stream">the epoch, or a constant of the use (shuffling, initialization, ...)</param>
    /// <param name="index">the example within the stream</param>
    public KeyedRandom(ulong seed, ulong stream = 0, ulong index = 0) =>
        _state = Mix(Mix(Mix(seed + GoldenGamma) ^ (stream * 0xD1342543DE82EF95 + 1)) ^ (index * 0xDABA0B6EB09322E3 + 2));

    /// <summary>Draws 64 uniform bits.</summary>
    public ulong NextUInt64() => Mix(_state += GoldenGamma);

    /// <summary>Draws uniformly from {0, ..., <paramref name="count"/> - 1}, without bias (Lemire 2019, with rejection).</summary>
    public long Below(long count)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        ulong range = (ulong)count;
        UInt128 product = (UInt128)NextUInt64() * range;
        ulong low = (ulong)product;
        if (low < range)
        {
            ulong threshold = unchecked(0 - range) % range;
            while (low < threshold)
            {
                product = (UInt128)NextUInt64() * range;
                low = (ulong)product;
            }
        }
        return (long)(ulong)(product >> 64);
    }

    /// <summary>Draws uniformly from {<paramref name="first"/>, ..., <paramref name="last"/>}, both included: the paper's
    /// U{a..b}.</summary>
    public long Between(long first, long last) => first + Below(last - first + 1);

    /// <inheritdoc cref="Between(long, long)"/>
    public int Between(int first, int last) => (int)Between((long)first, last);

    /// <summary>Draws uniformly from [0, 1), 53 bits.</summary>
    public double NextDouble() => (NextUInt64() >> 11) * (1.0 / (1UL << 53));

    /// <summary>Draws true with the given probability.</summary>
    public bool Chance(double probability) => NextDouble() < probability;

    /// <summary>Draws one element uniformly.</summary>
    public T Pick<T>(IReadOnlyList<T> items) => items[(int)Below(items.Count)];

    /// <summary>Shuffles in place (Fisher-Yates).</summary>
    public void Shuffle<T>(Span<T> items)
    {
        for (int last = items.Length - 1; last > 0; last--)
        {
            int other = (int)Below(last + 1);
            (items[last], items[other]) = (items[other], items[last]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
