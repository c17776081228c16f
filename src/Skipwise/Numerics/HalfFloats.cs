using System.Numerics;
using System.Runtime.InteropServices;

namespace Skipwise.Numerics;

/// <summary>Conversion of 16-bit floating point numbers to float32, which is exact, and back.</summary>
internal static class HalfFloats
{
    /// <summary>Converts 16-bit elements to as many float32.</summary>
    public delegate void ElementConversion(ReadOnlySpan<ushort> halves, Span<float> floats);

    /// <summary>Converts bfloat16, the upper half of a float32.</summary>
    /// <param name="floats">as many</param>
    public static void WidenBFloat16(ReadOnlySpan<ushort> halves, Span<float> floats) => Widen<BFloat16Bits>(halves, floats);

    /// <summary>Converts float16 (IEEE 754 binary16), including infinities, NaN and subnormal numbers.</summary>
    /// <param name="floats">as many</param>
    public static void WidenFloat16(ReadOnlySpan<ushort> halves, Span<float> floats) => Widen<Float16Bits>(halves, floats);

    /// <summary>The nearest bfloat16; of two equally near ones the even one. NaN stays NaN.</summary>
    public static ushort NarrowBFloat16(float number)
    {
        uint bits = BitConverter.SingleToUInt32Bits(number);
        return (ushort)(float.IsNaN(number) ? (bits >> 16) | 0x40 : (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }

    private static void Widen<TFormat>(ReadOnlySpan<ushort> halves, Span<float> floats) where TFormat : IHalfFormat
    {
        Span<uint> bits = MemoryMarshal.Cast<float, uint>(floats);
        int i = 0;
        for (; i <= halves.Length - Vector<ushort>.Count; i += Vector<ushort>.Count)
        {
            Vector.Widen(new Vector<ushort>(halves[i..]), out Vector<uint> low, out Vector<uint> high);
            TFormat.ToFloat(low).CopyTo(bits[i..]);
            TFormat.ToFloat(high).CopyTo(bits[(i + Vector<uint>.Count)..]);
        }
        for (; i < halves.Length; i++)
        {
            bits[i] = TFormat.ToFloat(new Vector<uint>(halves[i]))[0];
        }
    }

    /// <summary>A 16-bit format: converts bits to the bits of a float32.</summary>
    private interface IHalfFormat
    {
        static abstract Vector<uint> ToFloat(Vector<uint> half);
    }

    private readonly struct BFloat16Bits : IHalfFormat
    {
        public static Vector<uint> ToFloat(Vector<uint> half) => half << 16;
    }

    /// <summary>
    /// The conversion of float16. The exponent has five bits instead of eight: the shifted number is 2^112 too small, which one exact
    /// product corrects, also for subnormal numbers. Infinity and NaN get the largest exponent.
    /// </summary>
    private readonly struct Float16Bits : IHalfFormat
    {
        public static Vector<uint> ToFloat(Vector<uint> half)
        {
            Vector<uint> magnitude = half & new Vector<uint>(0x7FFF);
            Vector<float> scaled = Vector.AsVectorSingle(magnitude << 13) * BitConverter.UInt32BitsToSingle((127 + 112) << 23);
            Vector<uint> special = Vector.GreaterThanOrEqual(magnitude, new Vector<uint>(0x7C00)) & new Vector<uint>(0x7F80_0000);
            return Vector.AsVectorUInt32(scaled) | special | ((half & new Vector<uint>(0x8000)) << 16);
        }
    }
}
