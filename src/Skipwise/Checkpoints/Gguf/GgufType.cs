using Skipwise.Checkpoints.Formats;
using TorchSharp;

namespace Skipwise.Checkpoints.Gguf;

/// <summary>An element type of GGUF tensors (ggml_type).</summary>
/// <param name="Id">its number in the file</param>
/// <param name="Stored">name and size</param>
/// <param name="FileType">the value of general.file_type of a file whose matrices have this type; null if none is written</param>
internal sealed record GgufType(uint Id, StoredType Stored, uint? FileType = null)
{
    public static readonly GgufType F32 = new(0, StoredType.FromName("F32")!, 0);
    public static readonly GgufType F16 = new(1, StoredType.FromName("F16")!, 1);
    public static readonly GgufType BF16 = new(30, StoredType.FromName("BF16")!, 32);
    public static readonly GgufType Q80 = new(8, Block("Q8_0", 32, 34, BlockQuantization.DecodeQ80, BlockQuantization.EncodeQ80), 7);
    public static readonly GgufType Q40 = new(2, Block("Q4_0", 32, 18, BlockQuantization.DecodeQ40, BlockQuantization.EncodeQ40), 2);

    private static readonly GgufType[] s_all =
    [
        F32, F16, BF16, Q80, Q40,
        new(3, Block("Q4_1", 32, 20, BlockDequantization.DecodeQ41)), new(6, Block("Q5_0", 32, 22, BlockDequantization.DecodeQ50)),
        new(7, Block("Q5_1", 32, 24, BlockDequantization.DecodeQ51)), new(20, Block("IQ4_NL", 32, 18, BlockDequantization.DecodeIQ4NL)),
        new(10, Block("Q2_K", 256, 84, SuperBlockDequantization.DecodeQ2K)),
        new(11, Block("Q3_K", 256, 110, SuperBlockDequantization.DecodeQ3K)),
        new(12, Block("Q4_K", 256, 144, SuperBlockDequantization.DecodeQ4K)),
        new(13, Block("Q5_K", 256, 176, SuperBlockDequantization.DecodeQ5K)),
        new(14, Block("Q6_K", 256, 210, SuperBlockDequantization.DecodeQ6K)),
        new(23, Block("IQ4_XS", 256, 136, SuperBlockDequantization.DecodeIQ4XS)),
        // types of public files that are only listed
        new(9, Block("Q8_1", 32, 36)), new(15, Block("Q8_K", 256, 292)), new(16, Block("IQ2_XXS", 256, 66)),
        new(17, Block("IQ2_XS", 256, 74)), new(18, Block("IQ3_XXS", 256, 98)), new(19, Block("IQ1_S", 256, 50)),
        new(21, Block("IQ3_S", 256, 110)), new(22, Block("IQ2_S", 256, 82)), new(29, Block("IQ1_M", 256, 56)),
        new(34, Block("TQ1_0", 256, 54)), new(35, Block("TQ2_0", 256, 66)), new(39, Block("MXFP4", 32, 17)),
        new(24, StoredType.FromName("I8")!), new(25, StoredType.FromName("I16")!), new(26, StoredType.FromName("I32")!),
        new(27, StoredType.FromName("I64")!), new(28, StoredType.FromName("F64")!),
    ];

    /// <summary>The types that are written, in the order of help texts.</summary>
    public static IReadOnlyList<GgufType> Written { get; } = [F32, F16, BF16, Q80, Q40];

    /// <summary>As in the file's documentation: Q8_0.</summary>
    public string Name => Stored.Name;

    /// <summary>Elements that are stored together; 1 if the type has no blocks.</summary>
    public int BlockElements => Stored.Blocks?.Elements ?? 1;

    /// <summary>bytes of <see cref="BlockElements"/></summary>
    public int BlockBytes => Stored.Blocks?.Bytes ?? Stored.Size;

    /// <summary>The tensor type of a type without blocks that is written.</summary>
    public torch.ScalarType Torch => Stored.Torch!.Value;

    /// <summary>The names of the types whose tensors can be read, not only listed.</summary>
    public static IEnumerable<string> Readable =>
        s_all.Where(type => type.Stored.IsFloat || type.Stored.Blocks?.Decode is not null).Select(type => type.Name);

    /// <summary>The type with this number, or null.</summary>
    public static GgufType? FromId(uint id) => Array.Find(s_all, type => type.Id == id);

    /// <summary>bytes of a tensor whose rows are multiples of <see cref="BlockElements"/></summary>
    public long Bytes(IEnumerable<long> shape) => shape.Aggregate(1L, (product, size) => product * size) / BlockElements * BlockBytes;

    private static StoredType Block(string name, int elements, int bytes, BlockFormat.Dequantize? decode = null,
        BlockFormat.Quantize? encode = null) => new(name, 8 * bytes / elements, null) { Blocks = new(elements, bytes, decode, encode) };
}
