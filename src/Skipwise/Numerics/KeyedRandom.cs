using System.Runtime.CompilerServices;

namespace Skipwise.Numerics;

/// <summary>
/// Counter-based random generator: the n-th draw is a hash of (seed, stream, index, n) and of nothing else, so an example
/// is a pure function of where it stands. Resuming is a cursor, and every world size sees the same examples.
/// </summary>
/// <remarks>
/// SplitMix64's finaliser over a Weyl sequence (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014);
/// the key is absorbed by the same finaliser. A struct on purpose: pass it by <c>ref</c>, a copy replays the same draws.
/// </remarks>
public struct KeyedRandom
{
    private const ulong GoldenGamma = 0x9E3779B97F4A7C15;
    private ulong _state;

    /// <param name="seed">the run's seed</param>
    /// <param name="stream">the epoch, or a constant naming the use (shuffling, initialisation, ...)</param>
    /// <param name="index">the example within the stream</param>
    public KeyedRandom(ulong seed, ulong stream = 0, ulong index = 0) =>
        _state = Mix(Mix(Mix(seed + GoldenGamma) ^ (stream * 0xD1342543DE82EF95 + 1)) ^ (index * 0xDABA0B6EB09322E3 + 2));

    /// <summary>64 uniform bits.</summary>
    public ulong NextUInt64() => Mix(_state += GoldenGamma);

    /// <summary>Uniform over {0, ..., <paramref name="count"/> - 1}, without bias (Lemire 2019, with rejection).</summary>
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

    /// <summary>Uniform over {<paramref name="first"/>, ..., <paramref name="last"/>}, both included, as the paper writes
    /// U{a..b}.</summary>
    public long Between(long first, long last) => first + Below(last - first + 1);

    /// <inheritdoc cref="Between(long, long)"/>
    public int Between(int first, int last) => (int)Between((long)first, last);

    /// <summary>Uniform over [0, 1), 53 bits.</summary>
    public double NextDouble() => (NextUInt64() >> 11) * (1.0 / (1UL << 53));

    /// <summary>True with the given probability.</summary>
    public bool Chance(double probability) => NextDouble() < probability;

    /// <summary>One element, uniformly.</summary>
    public T Pick<T>(IReadOnlyList<T> items) => items[(int)Below(items.Count)];

    /// <summary>Fisher-Yates, in place.</summary>
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
