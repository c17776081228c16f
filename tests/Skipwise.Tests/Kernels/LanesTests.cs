using System.Runtime.Intrinsics;
using Skipwise.Kernels;
using Skipwise.Numerics;

namespace Skipwise.Tests.Kernels;

/// <summary>The operations of a vector that have more than one instruction, of every width that this processor has, lane by lane.</summary>
public unsafe class LanesTests
{
    [Fact]
    public void Of_128_bits() => Compare<Lanes128, Vector128<float>>();

    [Fact]
    public void Of_256_bits()
    {
        Assert.SkipUnless(Lanes256.IsSupported, "This processor has no AVX2.");
        Compare<Lanes256, Vector256<float>>();
    }

    [Fact]
    public void Of_512_bits()
    {
        Assert.SkipUnless(Lanes512.IsSupported, "This processor has no AVX-512.");
        Compare<Lanes512, Vector512<float>>();
    }

    private static void Compare<TLanes, T>() where TLanes : ILanes<T> where T : struct
    {
        int count = TLanes.Count;
        float[] a = [.. Enumerable.Range(1, 2 * count).Select(i => i * i * 0.5f)];
        float[] b = [.. Enumerable.Range(1, count).Select(i => i % 3 == 0 ? -i : 40f * i)];
        fixed (float* pointerA = a, pointerB = b)
        {
            T x = TLanes.Load(pointerA), y = TLanes.Load(pointerB), nan = TLanes.Fill(float.NaN);
            Assert.Equal([.. a.Take(count).Select(n => -n)], Numbers<TLanes, T>(TLanes.Negate(x)));
            Assert.Equal([.. a.Zip(b, MathF.Max)], Numbers<TLanes, T>(TLanes.Max(x, y)));
            Assert.Equal([.. a.Zip(b, MathF.Min)], Numbers<TLanes, T>(TLanes.Min(x, y)));
            Assert.Equal(b, Numbers<TLanes, T>(TLanes.Max(nan, y))); // the second operand
            Assert.Equal(b, Numbers<TLanes, T>(TLanes.Min(nan, y)));
            Assert.All(Numbers<TLanes, T>(TLanes.Max(y, nan)), n => Assert.Equal(float.NaN, n));
            Assert.Equal(a.Take(count).Sum(), TLanes.Sum(x));
            Assert.True(TLanes.EqualsAll(x, x));
            Assert.False(TLanes.EqualsAll(x, TLanes.Load(pointerA + 1)));
            Assert.Equal(b.Max(), VectorMath<TLanes, T>.Largest(y));
            foreach ((int first, int end) in ((int, int)[])[(0, count), (1, count - 1), (-5, 2), (2, int.MaxValue), (3, 3), (count, 90)])
            {
                float[] expected = [.. a.Take(count).Select((n, lane) => lane >= first && lane < end ? n : b[lane])];
                Assert.Equal(expected, Numbers<TLanes, T>(TLanes.Within(first, end, x, y)));
            }
            (T even, T odd) = TLanes.LoadPairs(pointerA);
            Assert.Equal([.. a.Where((_, i) => i % 2 == 0)], Numbers<TLanes, T>(even));
            Assert.Equal([.. a.Where((_, i) => i % 2 == 1)], Numbers<TLanes, T>(odd));
            var pairs = new float[2 * count];
            fixed (float* to = pairs)
            {
                TLanes.StorePairs(even, odd, to);
            }
            Assert.Equal(a, pairs);
        }
        CompareBFloat16<TLanes, T>();
    }

    /// <summary>Random bits, numbers half way between two of bfloat16, the largest ones, infinities and NaN, each in every lane.</summary>
    private static void CompareBFloat16<TLanes, T>() where TLanes : ILanes<T> where T : struct
    {
        int count = TLanes.Count;
        var random = new Random(11);
        uint[] special = [0, 0x8000_0000, 1, 0x3F80_8000, 0x3F81_8000, 0x3F80_7FFF, 0x7F7F_FFFF, 0xFF7F_8000, 0x7F80_0000, 0xFF80_0000,
            0x7F80_0001, 0xFFFF_FFFF, 0x7FC0_0000, 0x007F_FFFF];
        uint[] bits = [.. special, .. Enumerable.Range(0, 4000).Select(_ => (uint)random.NextInt64(1L << 32))];
        var found = new ushort[2 * count];
        fixed (ushort* to = found)
        {
            for (int at = 0; at < bits.Length - (2 * count); at++)
            {
                float[] numbers = [.. bits.Skip(at).Take(2 * count).Select(BitConverter.UInt32BitsToSingle)];
                ushort[] expected = [.. numbers.Select(HalfFloats.NarrowBFloat16)];
                fixed (float* from = numbers)
                {
                    TLanes.StoreBFloat16(TLanes.Load(from), to);
                    Assert.Equal(expected[..count], found[..count]);
                    uint[] rounded = Bits<TLanes, T>(TLanes.RoundToBFloat16(TLanes.Load(from)));
                    Assert.Equal(expected[..count].Select(half => (uint)half << 16), rounded);
                    (T even, T odd) = TLanes.LoadPairs(from);
                    TLanes.StoreBFloat16Pairs(even, odd, to);
                    Assert.Equal(expected, found);
                    (even, odd) = TLanes.LoadBFloat16Pairs(to);
                    Assert.Equal(Widened(expected, 0), Bits<TLanes, T>(even));
                    Assert.Equal(Widened(expected, 1), Bits<TLanes, T>(odd));
                    Assert.Equal(expected[..count].Select(half => (uint)half << 16), Bits<TLanes, T>(TLanes.LoadBFloat16(to)));
                }
            }
        }
        static uint[] Widened(ushort[] halves, int from) => [.. halves.Where((_, i) => i % 2 == from).Select(half => (uint)half << 16)];
    }

    private static uint[] Bits<TLanes, T>(T vector) where TLanes : ILanes<T> where T : struct =>
        [.. Numbers<TLanes, T>(vector).Select(BitConverter.SingleToUInt32Bits)];

    private static float[] Numbers<TLanes, T>(T vector) where TLanes : ILanes<T> where T : struct
    {
        var numbers = new float[TLanes.Count];
        fixed (float* to = numbers)
        {
            TLanes.Store(vector, to);
        }
        return numbers;
    }
}
