namespace Skipwise.Checkpoints.Formats;

/// <summary>
/// The strides of a stored tensor: element (i, j, ...) is i * stride 0 + j * stride 1 + ... elements after the first. In this order the
/// elements form the tensor in row-major order. The sizes may subdivide the tensor's shape (rows as [heads, pairs, 2], say).
/// </summary>
public sealed record StridedView(IReadOnlyList<long> Sizes, IReadOnlyList<long> Strides)
{
    /// <summary>Whether this is row-major order.</summary>
    public bool IsContiguous
    {
        get
        {
            long expected = 1;
            for (int i = Sizes.Count - 1; i >= 0; i--)
            {
                if (Sizes[i] != 1 && Strides[i] != expected)
                {
                    return false;
                }
                expected *= Sizes[i];
            }
            return true;
        }
    }
}
