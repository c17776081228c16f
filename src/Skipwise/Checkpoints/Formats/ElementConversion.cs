using System.Runtime.InteropServices;
using Skipwise.Numerics;
using TorchSharp;

namespace Skipwise.Checkpoints.Formats;

/// <summary>A conversion of stored elements to elements in memory, applied slice by slice while a slice is in the processor's
/// cache.</summary>
/// <param name="StoredSize">bytes per element in the file</param>
/// <param name="Size">bytes per element in memory</param>
/// <param name="Convert">from stored bytes to as many elements; null if no conversion is needed</param>
internal sealed record ElementConversion(int StoredSize, int Size, ElementConversion.Conversion? Convert)
{
    public delegate void Conversion(ReadOnlySpan<byte> stored, Span<byte> memory);

    /// <summary>The conversion between two types; null for a pair that libtorch converts.</summary>
    public static ElementConversion? For(torch.ScalarType stored, torch.ScalarType memory) => (stored, memory) switch
    {
        (torch.ScalarType.BFloat16, torch.ScalarType.Float32) => ToFloats(HalfFloats.WidenBFloat16),
        (torch.ScalarType.Float16, torch.ScalarType.Float32) => ToFloats(HalfFloats.WidenFloat16),
        _ when stored == memory => new(StoredType.FromScalarType(stored).Size, StoredType.FromScalarType(stored).Size, null),
        _ => null,
    };

    private static ElementConversion ToFloats(HalfFloats.ElementConversion widen) =>
        new(sizeof(ushort), sizeof(float),
            (stored, memory) => widen(MemoryMarshal.Cast<byte, ushort>(stored), MemoryMarshal.Cast<byte, float>(memory)));
}
