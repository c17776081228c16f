namespace Skipwise.Numerics;

/// <summary>
/// Python's random.Random: the Mersenne Twister MT19937 (Matsumoto, Nishimura 1998), seeded and drawn from exactly as CPython 3 does.
/// Published benchmark results depend on its draws; otherwise Skipwise uses <see cref="KeyedRandom"/>.
/// </summary>
internal sealed class PythonRandom
{
    private const int Size = 624;
    private const int Shift = 397;

    private readonly uint[] _state = new uint[Size];
    private int _next = Size;

    /// <summary>random.Random(seed)</summary>
    public PythonRandom(long seed)
    {
        ulong magnitude = (ulong)Math.Abs((decimal)seed); // Python uses |seed|; decimal also supports long.MinValue
        uint low = (uint)magnitude, high = (uint)(magnitude >> 32);
        InitializeByArray(high == 0 ? [low] : [low, high]);
    }

    /// <summary>random.getrandbits(bits)</summary>
    /// <param name="bits">1..32</param>
    public uint GetRandBits(int bits)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bits, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bits, 32);
        return NextUInt32() >> (32 - bits);
    }

    /// <summary>random.random(): uniform over [0, 1), 53 bits</summary>
    public double NextDouble()
    {
        uint high = NextUInt32() >> 5, low = NextUInt32() >> 6;
        return (high * 67108864.0 + low) / 9007199254740992.0;
    }

    /// <summary>Random._randbelow(n): uniform over {0, ..., n - 1}, used by randint, shuffle and sample</summary>
    public int Below(int n)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(n);
        int bits = 32 - int.LeadingZeroCount(n);
        uint drawn;
        do
        {
            drawn = GetRandBits(bits);
        }
        while (drawn >= (uint)n);
        return (int)drawn;
    }

    /// <summary>random.randint(first, last): both ends included</summary>
    public int Between(int first, int last) => first + Below(last - first + 1);

    /// <summary>random.shuffle(items)</summary>
    public void Shuffle<T>(Span<T> items)
    {
        for (int last = items.Length - 1; last > 0; last--)
        {
            int other = Below(last + 1);
            (items[last], items[other]) = (items[other], items[last]);
        }
    }

    /// <summary>random.sample(range(population), count)</summary>
    /// <returns>distinct indices in the order drawn</returns>
    public int[] Sample(int population, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, population);
        return population <= LargestPool(count) ? SampleFromPool(population, count) : SampleByRejection(population, count);
    }

    /// <summary>The largest population that CPython copies into a list; above it, a set of drawn indices is smaller: 21, and from six
    /// draws on 21 + 4^ceil(log4(3 count)).</summary>
    private static long LargestPool(int count)
    {
        if (count <= 5)
        {
            return 21;
        }
        long power = 1;
        while (power < 3L * count)
        {
            power *= 4;
        }
        return 21 + power;
    }

    private int[] SampleFromPool(int population, int count)
    {
        int[] pool = [.. Enumerable.Range(0, population)];
        var drawn = new int[count];
        for (int i = 0; i < count; i++)
        {
            int j = Below(population - i);
            drawn[i] = pool[j];
            pool[j] = pool[population - i - 1]; // an index that was not drawn moves into the gap
        }
        return drawn;
    }

    private int[] SampleByRejection(int population, int count)
    {
        var seen = new HashSet<int>();
        var drawn = new int[count];
        for (int i = 0; i < count; i++)
        {
            do
            {
                drawn[i] = Below(population);
            }
            while (!seen.Add(drawn[i]));
        }
        return drawn;
    }

    private uint NextUInt32()
    {
        if (_next == Size)
        {
            Renew();
        }
        uint y = _state[_next++];
        y ^= y >> 11;
        y ^= (y << 7) & 0x9D2C5680;
        y ^= (y << 15) & 0xEFC60000;
        return y ^ (y >> 18);
    }

    private void Renew()
    {
        uint[] state = _state;
        for (int i = 0; i < Size; i++)
        {
            int following = i + 1 < Size ? i + 1 : 0, far = i + Shift < Size ? i + Shift : i + Shift - Size;
            uint y = (state[i] & 0x80000000) | (state[following] & 0x7FFFFFFF);
            state[i] = state[far] ^ (y >> 1) ^ ((y & 1) * 0x9908B0DF);
        }
        _next = 0;
    }

    private void InitializeByArray(ReadOnlySpan<uint> key)
    {
        uint[] state = _state;
        state[0] = 19650218;
        for (int n = 1; n < Size; n++)
        {
            state[n] = 1812433253 * (state[n - 1] ^ (state[n - 1] >> 30)) + (uint)n;
        }
        int i = 1, j = 0;
        for (int k = Size; k > 0; k--) // the key is never longer than the state
        {
            state[i] = (state[i] ^ ((state[i - 1] ^ (state[i - 1] >> 30)) * 1664525)) + key[j] + (uint)j;
            i = After(i);
            j = j + 1 < key.Length ? j + 1 : 0;
        }
        for (int k = Size - 1; k > 0; k--)
        {
            state[i] = (state[i] ^ ((state[i - 1] ^ (state[i - 1] >> 30)) * 1566083941)) - (uint)i;
            i = After(i);
        }
        state[0] = 0x80000000;

        int After(int at)
        {
            if (at + 1 < Size)
            {
                return at + 1;
            }
            _state[0] = _state[Size - 1];
            return 1;
        }
    }
}
