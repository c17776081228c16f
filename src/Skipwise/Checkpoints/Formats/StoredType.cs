using TorchSharp;

namespace Skipwise.Checkpoints.Formats;

/// <summary>An element type of a safetensors header.</summary>
/// <param name="Name">F32, BF16, ...</param>
/// <param name="Bits">bits per element; elements of fewer than 8 bits are packed</param>
/// <param name="Torch">the corresponding tensor type; null if TorchSharp has none: such a tensor is only listed or read as bytes</param>
public sealed record StoredType(string Name, int Bits, torch.ScalarType? Torch)
{
    private static readonly StoredType[] s_all =
    [
        new("F64", 64, torch.ScalarType.Float64),
        new("F32", 32, torch.ScalarType.Float32),
        new("F16", 16, torch.ScalarType.Float16),
        new("BF16", 16, torch.ScalarType.BFloat16),
        new("I64", 64, torch.ScalarType.Int64),
        new("I32", 32, torch.ScalarType.Int32),
        new("I16", 16, torch.ScalarType.Int16),
        new("I8", 8, torch.ScalarType.Int8),
        new("U8", 8, torch.ScalarType.Byte),
        new("BOOL", 8, torch.ScalarType.Bool),
        new("U64", 64, null),
        new("U32", 32, null),
        new("U16", 16, null),
        new("F8_E4M3", 8, null),
        new("F8_E5M2", 8, null),
        new("F8_E4M3FNUZ", 8, null),
        new("F8_E5M2FNUZ", 8, null),
        new("F8_E8M0", 8, null),
        new("F6_E2M3", 6, null),
        new("F6_E3M2", 6, null),
        new("F4", 4, null),
        new("C64", 64, null),
    ];

    /// <summary>The blocks that elements are stored in; null if each has bytes of its own.</summary>
    internal BlockFormat? Blocks { get; init; }

    /// <summary>The tensor type that it is read as: its own, or float32 for blocks; null if it is only listed or read as bytes.</summary>
    internal torch.ScalarType? ReadAs => Torch ?? (Blocks?.Decode is null ? null : torch.ScalarType.Float32);

    /// <summary>Whether it is read as a floating type, of which each converts to the others.</summary>
    internal bool IsReadAsFloat => IsFloat || Blocks?.Decode is not null;

    /// <summary>bytes per element, of types that have a tensor type</summary>
    public int Size => Bits / 8;

    /// <summary>Every name that a header may use.</summary>
    public static IEnumerable<string> Names => s_all.Select(type => type.Name);

    /// <summary>The type with this name, or null.</summary>
    public static StoredType? FromName(string? name) => Array.Find(s_all, type => type.Name == name);

    /// <summary>The type that stores tensors of <paramref name="type"/>.</summary>
    public static StoredType FromScalarType(torch.ScalarType type) =>
        Array.Find(s_all, stored => stored.Torch == type) ?? throw new SkipwiseException($"safetensors has no element type for {type}");

    /// <summary>Whether the type is F64, F32, F16 or BF16. These convert to one another; other types do not convert.</summary>
    public bool IsFloat => Name is "F64" or "F32" or "F16" or "BF16";

    /// <inheritdoc/>
    public override string ToString() => Name;
}
