using System.Numerics;
using System.Runtime.InteropServices;
using TorchSharp;

namespace Skipwise.Checkpoints;

/// <summary>How elements of a file become elements in memory while a piece of them is still in the processor's cache.</summary>
/// <param name="StoredSize">bytes per element in the file</param>
/// <param name="Size">bytes per element in memory</param>
/// <param name="Convert">from stored bytes to as many elements; null where both are the same</param>
internal sealed record Widening(int StoredSize, int Size, Widening.Conversion? Convert)
{
    public delegate void Conversion(ReadOnlySpan<byte> stored, Span<byte> memory);

    /// <summary>Null for a pair of types that libtorch converts.</summary>
    public static Widening? Of(torch.ScalarType stored, torch.ScalarType memory) => (stored, memory) switch
    {
        (torch.ScalarType.BFloat16, torch.ScalarType.Float32) => new(2, 4, ToFloats<FromBFloat16>),
        (torch.ScalarType.Float16, torch.ScalarType.Float32) => new(2, 4, ToFloats<FromHalf>),
        _ when stored == memory => new(StoredType.Of(stored).Size, StoredType.Of(stored).Size, null),
        _ => null,
    };

    private static void ToFloats<TFormat>(ReadOnlySpan<byte> stored, Span<byte> memory) where TFormat : IHalfFormat
    {
        ReadOnlySpan<ushort> halves = MemoryMarshal.Cast<byte, ushort>(stored);
        Span<uint> floats = MemoryMarshal.Cast<byte, uint>(memory);
        int i = 0;
        for (; i <= halves.Length - Vector<ushort>.Count; i += Vector<ushort>.Count)
        {
            Vector.Widen(new Vector<ushort>(halves[i..]), out Vector<uint> low, out Vector<uint> high);
            TFormat.ToFloat(low).CopyTo(floats[i..]);
            TFormat.ToFloat(high).CopyTo(floats[(i + Vector<uint>.Count)..]);
        }
        for (; i < halves.Length; i++)
        {
            floats[i] = TFormat.ToFloat(new Vector<uint>(halves[i]))[0];
        }
    }

    /// <summary>A number of 16 bits: its float32, both as bits.</summary>
    private interface IHalfFormat
    {
        static abstract Vector<uint> ToFloat(Vector<uint> half);
    }

    /// <summary>The upper half of a float32.</summary>
    private readonly struct FromBFloat16 : IHalfFormat
    {
        public static Vector<uint> ToFloat(Vector<uint> half) => half << 16;
    }

    /// <summary>
    /// Five bits of exponent become eight: shifted into place the number is 2^112 too small, which one exact product mends (subnormal
    /// numbers become normal ones by it). Infinity and NaN get the largest exponent.
    /// </summary>
    private readonly struct FromHalf : IHalfFormat
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
