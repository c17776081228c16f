using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Skipwise.Checkpoints.Gguf;

/// <summary>
/// ggml's types with blocks of 32 elements, rounded exactly as its reference functions do (quantize_row_q8_0_ref, quantize_row_q4_0_ref):
/// the same numbers give the same bytes on every machine.
/// </summary>
internal static class BlockQuantization
{
    /// <summary>elements per block</summary>
    public const int Elements = 32;

    private const int HalfBytes = 2, Q80Bytes = HalfBytes + Elements, Q40Bytes = HalfBytes + (Elements / 2);

    /// <summary>Converts whole blocks to Q8_0: a float16 scale d = max|x| / 127, then 32 signed bytes x / d, ties away from zero.</summary>
    /// <param name="values">finite; a multiple of 32</param>
    /// <param name="blocks">34 bytes per block</param>
    public static void EncodeQ80(ReadOnlySpan<float> values, Span<byte> blocks)
    {
        for (int at = 0, to = 0; at < values.Length; at += Elements, to += Q80Bytes)
        {
            ReadOnlySpan<float> block = values.Slice(at, Elements);
            Vector256<float> largest = Vector256<float>.Zero;
            for (int i = 0; i < Elements; i += Vector256<float>.Count)
            {
                largest = Vector256.Max(largest, Vector256.Abs(Vector256.Create(block[i..])));
            }
            float most = 0;
            for (int i = 0; i < Vector256<float>.Count; i++)
            {
                most = Math.Max(most, largest[i]);
            }
            float scale = most / 127, inverse = Inverse(scale);
            BinaryPrimitives.WriteHalfLittleEndian(blocks[to..], (Half)scale);
            Span<sbyte> bytes = MemoryMarshal.Cast<byte, sbyte>(blocks.Slice(to + HalfBytes, Elements));
            for (int i = 0; i < Elements; i += Vector256<float>.Count)
            {
                Vector256<float> scaled = Vector256.Create(block[i..]) * inverse;
                Vector256<float> whole = Vector256.Truncate(scaled);
                Vector256<float> one = Vector256.CopySign(Vector256<float>.One, scaled);
                Vector256<float> up = Vector256.GreaterThanOrEqual(Vector256.Abs(scaled - whole), Vector256.Create(0.5f));
                Vector256<int> rounded = Vector256.ConvertToInt32(whole + (one & up));
                Vector256<short> shorts = Vector256.Narrow(rounded, rounded);
                Vector128<sbyte> narrow = Vector128.Narrow(shorts.GetLower(), shorts.GetLower());
                MemoryMarshal.Write(MemoryMarshal.AsBytes(bytes[i..]), narrow.AsInt64().ToScalar());
            }
        }
    }

    /// <summary>
    /// Converts whole blocks to Q4_0: a float16 scale d = x_max / -8, where x_max has the largest magnitude, then 32 numbers x / d + 8 from
    /// 0 to 15. Byte i holds element i in its low half and element i + 16 in its high half.
    /// </summary>
    /// <param name="values">finite; a multiple of 32</param>
    /// <param name="blocks">18 bytes per block</param>
    public static void EncodeQ40(ReadOnlySpan<float> values, Span<byte> blocks)
    {
        const int half = Elements / 2;
        for (int at = 0, to = 0; at < values.Length; at += Elements, to += Q40Bytes)
        {
            ReadOnlySpan<float> block = values.Slice(at, Elements);
            float largest = 0, most = 0;
            foreach (float value in block)
            {
                if (Math.Abs(value) > largest)
                {
                    (largest, most) = (Math.Abs(value), value);
                }
            }
            float scale = most / -8, inverse = Inverse(scale);
            BinaryPrimitives.WriteHalfLittleEndian(blocks[to..], (Half)scale);
            Span<byte> bytes = blocks.Slice(to + HalfBytes, half);
            for (int i = 0; i < half; i++)
            {
                bytes[i] = (byte)(Nibble(block[i], inverse) | (Nibble(block[i + half], inverse) << 4));
            }
        }
    }

    /// <summary>Converts Q8_0 to float32: scale times number.</summary>
    public static void DecodeQ80(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        for (int at = 0, from = 0; at < values.Length; at += Elements, from += Q80Bytes)
        {
            float scale = (float)BinaryPrimitives.ReadHalfLittleEndian(blocks[from..]);
            for (int i = 0; i < Elements; i++)
            {
                values[at + i] = (sbyte)blocks[from + HalfBytes + i] * scale;
            }
        }
    }

    /// <summary>Converts Q4_0 to float32: scale times (number - 8).</summary>
    public static void DecodeQ40(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        const int half = Elements / 2;
        for (int at = 0, from = 0; at < values.Length; at += Elements, from += Q40Bytes)
        {
            float scale = (float)BinaryPrimitives.ReadHalfLittleEndian(blocks[from..]);
            for (int i = 0; i < half; i++)
            {
                int both = blocks[from + HalfBytes + i];
                values[at + i] = ((both & 0xF) - 8) * scale;
                values[at + i + half] = ((both >> 4) - 8) * scale;
            }
        }
    }

    private static int Nibble(float value, float inverse) => Math.Min(15, (int)((value * inverse) + 8.5f));

    /// <summary>1 / scale; 0 for a scale so small that float16 stores 0 anyway.</summary>
    private static float Inverse(float scale) => 1 / scale is var inverse && float.IsFinite(inverse) ? inverse : 0;
}
