using System.Buffers.Binary;

namespace Skipwise.Checkpoints.Gguf;

/// <summary>
/// ggml's types with blocks of 256 elements, which most public files have: Q2_K, Q3_K, Q4_K, Q5_K, Q6_K and IQ4_XS. A block is divided into
/// groups of 16 or 32 elements with a scale of a few bits each, which one or two float16 multiply. Results equal those of ggml's
/// dequantize_row functions bit by bit.
/// </summary>
internal static class SuperBlockDequantization
{
    /// <summary>elements per block</summary>
    public const int Elements = 256;

    private const int Small = 16, Large = 32; // elements per group
    private const int ScaleBytes = 2;

    /// <summary>
    /// Converts Q2_K to float32: a group of 16 is d (scale 4 bits) number - m (minimum 4 bits). 84 bytes: scales and minima, numbers of 2
    /// bits (a byte has those of elements i, i + 32, i + 64, i + 96), d, m.
    /// </summary>
    public static void DecodeQ2K(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        const int numbers = Elements / Small, scales = numbers + (Elements / 4), bytes = scales + (2 * ScaleBytes);
        for (int at = 0; at < values.Length; blocks = blocks[bytes..])
        {
            float d = BlockDequantization.Float16(blocks[scales..]), m = BlockDequantization.Float16(blocks[(scales + ScaleBytes)..]);
            for (int group = 0; group < Elements / Small; group++)
            {
                float scale = d * (blocks[group] & 0xF), least = m * (blocks[group] >> 4);
                int first = numbers + FirstByte(group), shift = 2 * Quarter(group);
                for (int i = 0; i < Small; i++)
                {
                    values[at++] = (scale * ((blocks[first + i] >> shift) & 3)) - least;
                }
            }
        }
    }

    /// <summary>
    /// Converts Q3_K to float32: a group of 16 is d (scale - 32) (number - 4), with scales of 6 bits. 110 bytes: the third bit of each
    /// number (a byte has eight, of elements 32 apart), the other two as in Q2_K, scales, d.
    /// </summary>
    public static void DecodeQ3K(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        const int numbers = Elements / 8, scales = numbers + (Elements / 4), bytes = scales + 12 + ScaleBytes;
        for (int at = 0; at < values.Length; blocks = blocks[bytes..])
        {
            float d = BlockDequantization.Float16(blocks[(bytes - ScaleBytes)..]);
            for (int group = 0; group < Elements / Small; group++)
            {
                int low = group < 8 ? blocks[scales + group] & 0xF : blocks[scales + group - 8] >> 4;
                int high = (blocks[scales + 8 + (group % 4)] >> (2 * (group / 4))) & 3;
                float scale = d * ((low | (high << 4)) - 32);
                int first = numbers + FirstByte(group), third = Small * (group % 2), shift = 2 * Quarter(group);
                for (int i = 0; i < Small; i++)
                {
                    int bit = (blocks[third + i] >> (group / 2)) & 1;
                    values[at++] = scale * (((blocks[first + i] >> shift) & 3) - (4 * (1 - bit)));
                }
            }
        }
    }

    /// <summary>
    /// Converts Q4_K to float32: a group of 32 is d (scale 6 bits) number - m (minimum 6 bits). 144 bytes: d, m, scales and minima, numbers
    /// of 4 bits (a byte has those of elements i and i + 32).
    /// </summary>
    public static void DecodeQ4K(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        const int numbers = (2 * ScaleBytes) + 12, bytes = numbers + (Elements / 2);
        for (int at = 0; at < values.Length; blocks = blocks[bytes..])
        {
            for (int group = 0; group < Elements / Large; group++)
            {
                (float scale, float least) = ScaleAndLeast(blocks, group);
                int first = numbers + (Large * (group / 2)), shift = 4 * (group % 2);
                for (int i = 0; i < Large; i++)
                {
                    values[at++] = (scale * ((blocks[first + i] >> shift) & 0xF)) - least;
                }
            }
        }
    }

    /// <summary>
    /// Converts Q5_K to float32: as Q4_K, with a fifth bit. 176 bytes: d, m, scales and minima, fifth bits (a byte has eight, of elements
    /// 32 apart), the other four.
    /// </summary>
    public static void DecodeQ5K(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        const int fifths = (2 * ScaleBytes) + 12, numbers = fifths + (Elements / 8), bytes = numbers + (Elements / 2);
        for (int at = 0; at < values.Length; blocks = blocks[bytes..])
        {
            for (int group = 0; group < Elements / Large; group++)
            {
                (float scale, float least) = ScaleAndLeast(blocks, group);
                int first = numbers + (Large * (group / 2)), shift = 4 * (group % 2);
                for (int i = 0; i < Large; i++)
                {
                    int number = ((blocks[first + i] >> shift) & 0xF) + (((blocks[fifths + i] >> group) & 1) << 4);
                    values[at++] = (scale * number) - least;
                }
            }
        }
    }

    /// <summary>
    /// Converts Q6_K to float32: a group of 16 is d (scale, signed 8 bits) (number - 32). 210 bytes: the low four bits of the numbers (of
    /// each 128, a byte has elements i and i + 64), the high two (a byte has i, i + 32, i + 64, i + 96), scales, d.
    /// </summary>
    public static void DecodeQ6K(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        const int highs = Elements / 2, scales = highs + (Elements / 4), bytes = scales + (Elements / Small) + ScaleBytes;
        for (int at = 0; at < values.Length; blocks = blocks[bytes..])
        {
            float d = BlockDequantization.Float16(blocks[(bytes - ScaleBytes)..]);
            for (int group = 0; group < Elements / Small; group++)
            {
                float scale = d * (sbyte)blocks[scales + group];
                int quarter = Quarter(group), high = highs + FirstByte(group);
                int low = (64 * (group / 8)) + (Large * (quarter % 2)) + (Small * (group % 2)), shift = 4 * (quarter / 2);
                for (int i = 0; i < Small; i++)
                {
                    int number = ((blocks[low + i] >> shift) & 0xF) | (((blocks[high + i] >> (2 * quarter)) & 3) << 4);
                    values[at++] = scale * (number - 32);
                }
            }
        }
    }

    /// <summary>
    /// Converts IQ4_XS to float32: a group of 32 is d (scale - 32) times a value of <see cref="BlockDequantization.NonLinear"/>, with
    /// scales of 6 bits. 136 bytes: d, the high two bits of the scales, the low four, numbers of 4 bits (in a group as in IQ4_NL).
    /// </summary>
    public static void DecodeIQ4XS(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        const int lows = 2 * ScaleBytes, numbers = lows + (Elements / Large / 2), bytes = numbers + (Elements / 2);
        for (int at = 0; at < values.Length; blocks = blocks[bytes..])
        {
            float d = BlockDequantization.Float16(blocks);
            int high = BinaryPrimitives.ReadUInt16LittleEndian(blocks[ScaleBytes..]);
            for (int group = 0; group < Elements / Large; group++, at += Large)
            {
                int scale = ((blocks[lows + (group / 2)] >> (4 * (group % 2))) & 0xF) | (((high >> (2 * group)) & 3) << 4);
                BlockDequantization.DecodeNonLinear(
                    blocks.Slice(numbers + (Large / 2 * group), Large / 2), d * (scale - 32), values.Slice(at, Large));
            }
        }
    }

    /// <summary>The first byte of a group of 16 whose numbers have two bits: 128 elements are in 32 bytes.</summary>
    private static int FirstByte(int group) => (Large * (group / 8)) + (Small * (group % 2));

    /// <summary>Which of the four numbers in a byte a group of 16 has.</summary>
    private static int Quarter(int group) => group / 2 % 4;

    /// <summary>
    /// Scale and minimum of a group in Q4_K and Q5_K. Of 12 bytes, byte i has the scale of group i in its low six bits, and byte 4 + i its
    /// minimum. Byte 8 + i has the low halves of group 4 + i; their high two bits are above those six.
    /// </summary>
    private static (float Scale, float Least) ScaleAndLeast(ReadOnlySpan<byte> block, int group)
    {
        float d = BlockDequantization.Float16(block), m = BlockDequantization.Float16(block[ScaleBytes..]);
        ReadOnlySpan<byte> packed = block.Slice(2 * ScaleBytes, 12);
        return group < 4 ? (d * (packed[group] & 63), m * (packed[group + 4] & 63))
            : (d * ((packed[group + 4] & 0xF) | (packed[group - 4] >> 6 << 4)), m * ((packed[group + 4] >> 4) | (packed[group] >> 6 << 4)));
    }
}
