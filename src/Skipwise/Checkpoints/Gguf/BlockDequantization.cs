using System.Buffers.Binary;

namespace Skipwise.Checkpoints.Gguf;

/// <summary>
/// ggml's types with blocks of 32 elements that are read and never written: Q4_1, Q5_0, Q5_1, IQ4_NL. Byte i of the numbers holds element i
/// in its low half and element i + 16 in its high half. Results equal those of ggml's dequantize_row functions bit by bit.
/// </summary>
internal static class BlockDequantization
{
    private const int Elements = BlockQuantization.Elements, Half = Elements / 2;
    private const int ScaleBytes = 2, HighBytes = 4;

    /// <summary>The 16 values of a number in IQ4_NL and IQ4_XS.</summary>
    internal static ReadOnlySpan<sbyte> NonLinear => [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

    /// <summary>Converts Q4_1 to float32: scale times number plus minimum. 20 bytes: scale, minimum, numbers of 4 bits.</summary>
    public static void DecodeQ41(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        const int numbers = 2 * ScaleBytes;
        for (int at = 0; at < values.Length; at += Elements, blocks = blocks[(numbers + Half)..])
        {
            float scale = Float16(blocks), least = Float16(blocks[ScaleBytes..]);
            for (int i = 0; i < Half; i++)
            {
                int both = blocks[numbers + i];
                values[at + i] = ((both & 0xF) * scale) + least;
                values[at + i + Half] = ((both >> 4) * scale) + least;
            }
        }
    }

    /// <summary>Converts Q5_0 to float32: scale times (number - 16). 22 bytes: scale, fifth bits of the numbers, other four.</summary>
    public static void DecodeQ50(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        const int numbers = ScaleBytes + HighBytes;
        for (int at = 0; at < values.Length; at += Elements, blocks = blocks[(numbers + Half)..])
        {
            float scale = Float16(blocks);
            uint high = BinaryPrimitives.ReadUInt32LittleEndian(blocks[ScaleBytes..]);
            for (int i = 0; i < Half; i++)
            {
                int both = blocks[numbers + i];
                values[at + i] = (((both & 0xF) | Fifth(high, i)) - 16) * scale;
                values[at + i + Half] = (((both >> 4) | Fifth(high, i + Half)) - 16) * scale;
            }
        }
    }

    /// <summary>Converts Q5_1 to float32: scale times number plus minimum. 24 bytes: scale, minimum, fifth bits, the other four.</summary>
    public static void DecodeQ51(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        const int numbers = (2 * ScaleBytes) + HighBytes;
        for (int at = 0; at < values.Length; at += Elements, blocks = blocks[(numbers + Half)..])
        {
            float scale = Float16(blocks), least = Float16(blocks[ScaleBytes..]);
            uint high = BinaryPrimitives.ReadUInt32LittleEndian(blocks[(2 * ScaleBytes)..]);
            for (int i = 0; i < Half; i++)
            {
                int both = blocks[numbers + i];
                values[at + i] = (((both & 0xF) | Fifth(high, i)) * scale) + least;
                values[at + i + Half] = (((both >> 4) | Fifth(high, i + Half)) * scale) + least;
            }
        }
    }

    /// <summary>Converts IQ4_NL to float32: scale times one of <see cref="NonLinear"/>. 18 bytes: scale, numbers of 4 bits.</summary>
    public static void DecodeIQ4NL(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        for (int at = 0; at < values.Length; at += Elements, blocks = blocks[(ScaleBytes + Half)..])
        {
            DecodeNonLinear(blocks.Slice(ScaleBytes, Half), Float16(blocks), values.Slice(at, Elements));
        }
    }

    /// <summary>Converts 32 numbers of 4 bits by <see cref="NonLinear"/>.</summary>
    internal static void DecodeNonLinear(ReadOnlySpan<byte> numbers, float scale, Span<float> values)
    {
        for (int i = 0; i < Half; i++)
        {
            values[i] = scale * NonLinear[numbers[i] & 0xF];
            values[i + Half] = scale * NonLinear[numbers[i] >> 4];
        }
    }

    internal static float Float16(ReadOnlySpan<byte> bytes) => (float)BinaryPrimitives.ReadHalfLittleEndian(bytes);

    private static int Fifth(uint bits, int element) => (int)((bits >> element) & 1) << 4;
}
