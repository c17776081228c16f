using TorchSharp;

namespace Skipwise.Checkpoints;

/// <summary>An element type as a safetensors header spells it.</summary>
/// <param name="Name">F32, BF16, ...</param>
/// <param name="Size">bytes per element</param>
/// <param name="Torch">the tensor type that holds it, or null where TorchSharp has none: such a tensor can be read as bytes only</param>
public sealed record StoredType(string Name, int Size, torch.ScalarType? Torch)
{
    private static readonly StoredType[] s_all =
    [
        new("F64", 8, torch.ScalarType.Float64),
        new("F32", 4, torch.ScalarType.Float32),
        new("F16", 2, torch.ScalarType.Float16),
        new("BF16", 2, torch.ScalarType.BFloat16),
        new("I64", 8, torch.ScalarType.Int64),
        new("I32", 4, torch.ScalarType.Int32),
        new("I16", 2, torch.ScalarType.Int16),
        new("I8", 1, torch.ScalarType.Int8),
        new("U8", 1, torch.ScalarType.Byte),
        new("BOOL", 1, torch.ScalarType.Bool),
        new("U64", 8, null),
        new("U32", 4, null),
        new("U16", 2, null),
        new("F8_E4M3", 1, null),
        new("F8_E5M2", 1, null),
    ];

    /// <summary>Every name that a header may use.</summary>
    public static IEnumerable<string> Names => s_all.Select(type => type.Name);

    /// <summary>The type of that name, or null.</summary>
    public static StoredType? Named(string? name) => Array.Find(s_all, type => type.Name == name);

    /// <summary>The type that stores tensors of <paramref name="type"/>.</summary>
    public static StoredType Of(torch.ScalarType type) =>
        Array.Find(s_all, stored => stored.Torch == type) ?? throw new SkipwiseException($"safetensors has no element type for {type}");

    /// <summary>F64, F32, F16 and BF16 convert into one another; every other type only into itself.</summary>
    public bool IsFloat => Name is "F64" or "F32" or "F16" or "BF16";

    public override string ToString() => Name;
}
