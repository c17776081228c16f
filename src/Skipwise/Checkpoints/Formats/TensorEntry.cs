namespace Skipwise.Checkpoints.Formats;

/// <summary>The description of one tensor in a file.</summary>
/// <param name="Name">its name in the file</param>
/// <param name="Type">element type in the file</param>
/// <param name="Shape">sizes, outermost first; empty for a scalar</param>
/// <param name="Offset">first byte, counted from the start of the file</param>
/// <param name="Length">bytes from the first element to the last: the product of the shape times the element size, unless it has a
/// <see cref="View"/></param>
public sealed record TensorEntry(string Name, StoredType Type, IReadOnlyList<long> Shape, long Offset, long Length)
{
    /// <summary>The order of the elements in the file; null: row-major.</summary>
    public StridedView? View { get; init; }

    /// <summary>What is added to each element when it is read. GGUF stores the norms of Gemma with 1 added, so there it is -1.</summary>
    internal float Added { get; init; }

    /// <summary>A range of rows as an entry of its own. Only for row-major tensors (without a <see cref="View"/>).</summary>
    public TensorEntry Rows(long first, long count)
    {
        long bytesPerRow = Length / Shape[0];
        return this with { Shape = [count, .. Shape.Skip(1)], Offset = Offset + (first * bytesPerRow), Length = count * bytesPerRow };
    }

    /// <summary>Type and shape: "F32 [96, 64]".</summary>
    public override string ToString() => $"{Type} {Describe(Shape)}";

    internal static string Describe(IEnumerable<long> shape) => $"[{string.Join(", ", shape)}]";
}
