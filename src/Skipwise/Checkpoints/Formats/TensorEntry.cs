namespace Skipwise.Checkpoints.Formats;

/// <summary>Where one tensor lies in a file.</summary>
/// <param name="Name">its name in the file</param>
/// <param name="Type">element type in the file</param>
/// <param name="Shape">sizes, outermost first; empty for a scalar</param>
/// <param name="Offset">first byte, counted from the start of the file</param>
/// <param name="Length">bytes from the first element to the last: the product of the shape times the element size, unless
/// <see cref="View"/> says otherwise</param>
public sealed record TensorEntry(string Name, StoredType Type, IReadOnlyList<long> Shape, long Offset, long Length)
{
    /// <summary>How the elements lie in the file when that is not row after row; null when it is.</summary>
    public StridedView? View { get; init; }

    /// <summary>Neighbouring rows as a tensor of their own. Only for tensors without a <see cref="View"/>, which lie row after
    /// row.</summary>
    public TensorEntry Rows(long first, long count)
    {
        long bytesPerRow = Length / Shape[0];
        return this with { Shape = [count, .. Shape.Skip(1)], Offset = Offset + (first * bytesPerRow), Length = count * bytesPerRow };
    }

    /// <summary>"F32 [96, 64]"</summary>
    public override string ToString() => $"{Type} {Describe(Shape)}";

    internal static string Describe(IEnumerable<long> shape) => $"[{string.Join(", ", shape)}]";
}
