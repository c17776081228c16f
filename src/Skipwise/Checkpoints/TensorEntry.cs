namespace Skipwise.Checkpoints;

/// <summary>Where one tensor lies in a safetensors file.</summary>
/// <param name="Name">its name in the file</param>
/// <param name="Type">element type in the file</param>
/// <param name="Shape">sizes, outermost first; empty for a scalar</param>
/// <param name="Offset">first byte, counted from the start of the file</param>
/// <param name="Length">bytes: the product of the shape times the element size</param>
public sealed record TensorEntry(string Name, StoredType Type, IReadOnlyList<long> Shape, long Offset, long Length)
{
    /// <summary>"F32 [96, 64]"</summary>
    public override string ToString() => $"{Type} {Describe(Shape)}";

    internal static string Describe(IEnumerable<long> shape) => $"[{string.Join(", ", shape)}]";
}
