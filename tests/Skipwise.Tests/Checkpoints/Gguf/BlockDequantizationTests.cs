using System.Runtime.InteropServices;
using Skipwise.Checkpoints.Formats;
using Skipwise.Checkpoints.Gguf;
using Skipwise.Numerics;

namespace Skipwise.Tests.Checkpoints.Gguf;

/// <summary>Blocks of the types that are read, against ggml's own functions bit by bit, and against blocks worked out by hand.</summary>
public unsafe class BlockDequantizationTests
{
    private delegate void Dequantize(byte* blocks, float* values, long count);

    private static readonly (uint Id, string Function)[] s_types =
    [
        (2, "q4_0"), (3, "q4_1"), (6, "q5_0"), (7, "q5_1"), (8, "q8_0"), (10, "q2_K"), (11, "q3_K"), (12, "q4_K"), (13, "q5_K"),
        (14, "q6_K"), (20, "iq4_nl"), (23, "iq4_xs"),
    ];

    public static TheoryData<string> Names => [.. s_types.Select(type => type.Function)];

    /// <summary>Bytes of any value, so that every number, scale and sign is among them, infinite ones too.</summary>
    [Theory]
    [MemberData(nameof(Names))]
    public void A_block_of_any_bytes_has_the_values_of_ggml(string function)
    {
        LlamaCpp.RequireNatives();
        GgufType type = GgufType.FromId(s_types.Single(known => known.Function == function).Id)!;
        var rng = new KeyedRandom(19);
        byte[] blocks = new byte[20_000 * type.BlockBytes];
        for (int i = 0; i < blocks.Length; i++)
        {
            blocks[i] = (byte)rng.Between(0, 255);
        }
        float[] ours = new float[20_000 * type.BlockElements], theirs = new float[ours.Length];
        type.Stored.Blocks!.Decode!(blocks, ours);
        var dequantize = Marshal.GetDelegateForFunctionPointer<Dequantize>(
            NativeLibrary.GetExport(NativeLibrary.Load(LlamaCpp.Library("ggml-base")), $"dequantize_row_{function}"));
        fixed (byte* from = blocks)
        fixed (float* to = theirs)
        {
            dequantize(from, to, theirs.Length);
        }
        Assert.Equal(theirs, ours);
        Assert.True(ours.Distinct().Count() > 10_000);
    }

    /// <summary>A type, the bytes of its block that are not 0 by their place, and what some of its elements are then.</summary>
    public static TheoryData<string, (int At, int Byte)[], (int Element, float Value)[]> Blocks => new()
    {
        { "Q4_1", [(1, 0x40), (3, 0x38), (7, 0x5A)], [(3, 20.5f), (19, 10.5f), (0, 0.5f)] },
        { "Q5_0", [(1, 0x40), (2, 8), (4, 8), (9, 0x5A)], [(3, 20), (19, 10), (0, -32)] },
        { "Q5_1", [(1, 0x40), (3, 0x38), (4, 8), (6, 8), (11, 0x5A)], [(3, 52.5f), (19, 42.5f), (0, 0.5f)] },
        { "IQ4_NL", [(1, 0x40), (5, 0x5A)], [(3, 50), (19, -70), (0, -254)] },
        { "Q2_K", [(81, 0x40), (83, 0x38), (13, 0x35), (68, 0x20)], [(212, 18.5f), (211, -1.5f), (20, 0)] },
        { "Q3_K", [(109, 0x40), (101, 0x70), (105, 0x80), (20, 0x40), (84, 0x20)], [(212, 28), (211, -56), (0, 256)] },
        { "Q4_K", [(1, 0x40), (3, 0x38), (13, 0x35), (5, 0x40), (9, 0x80), (87, 0x90)], [(167, 360.5f), (166, -17.5f), (32, 0)] },
        { "Q5_K", [(1, 0x40), (3, 0x38), (13, 0x35), (5, 0x40), (9, 0x80), (23, 0x20), (119, 0x90)], [(167, 1032.5f), (166, -17.5f)] },
        { "Q6_K", [(209, 0x40), (205, 0xFD), (180, 0x20), (84, 0x70)], [(212, -42), (211, 192), (0, 0)] },
        { "IQ4_XS", [(1, 0x40), (3, 8), (6, 0x90), (95, 0x5A)], [(167, 450), (183, -630), (160, -2286), (0, 8128)] },
    };

    [Theory]
    [MemberData(nameof(Blocks))]
    public void A_block_worked_out_by_hand(string name, (int At, int Byte)[] set, (int Element, float Value)[] expected)
    {
        BlockFormat format = GgufType.FromId(s_types.Single(type => GgufType.FromId(type.Id)!.Name == name).Id)!.Stored.Blocks!;
        byte[] block = new byte[format.Bytes];
        foreach ((int at, int value) in set)
        {
            block[at] = (byte)value;
        }
        float[] values = new float[format.Elements];
        format.Decode!(block, values);
        Assert.All(expected, pair => Assert.Equal((pair.Element, pair.Value), (pair.Element, values[pair.Element])));
    }

    [Fact]
    public void These_are_all_types_that_are_read() => Assert.Equal(
        s_types.Select(type => GgufType.FromId(type.Id)!.Name).Concat(["F32", "F16", "BF16", "F64"]).Order(), GgufType.Readable.Order());
}
