using System.Numerics;
using System.Runtime.InteropServices;

namespace Skipwise.Numerics;

/// <summary>Numbers of 16 bits as float32. Every one of them has an exact one.</summary>
public static class HalfFloats
{
    public delegate void ElementConversion(ReadOnlySpan<ushort> halves, Span<float> floats);

    /// <summary>bfloat16: the upper half of a float32.</summary>
    /// <param name="floats">as many</param>
    public static void WidenBFloat16(ReadOnlySpan<ushort> halves, Span<float> floats) => Widen<BFloat16Bits>(halves, floats);

    /// <summary>float16 (IEEE 754's binary16), infinities, NaN and subnormal numbers included.</summary>
    /// <param name="floats">as many</param>
    public static void WidenFloat16(ReadOnlySpan<ushort> halves, Span<float> floats) => Widen<Float16Bits>(halves, floats);

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

    /// <summary>A number of 16 bits: its float32, both as bits.</summary>
    private interface IHalfFormat
    {
        static abstract Vector<uint> ToFloat(Vector<uint> half);
    }

    private readonly struct BFloat16Bits : IHalfFormat
    {
        public static Vector<uint> ToFloat(Vector<uint> half) => half << 16;
    }

    /// <summary>
    /// Five bits of exponent become eight: shifted into place the number is 2^112 too small, which one exact product mends (subnormal
    /// numbers become normal ones by it). Infinity and NaN get the largest exponent.
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
