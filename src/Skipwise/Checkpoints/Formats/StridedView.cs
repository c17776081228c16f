namespace Skipwise.Checkpoints.Formats;

/// <summary>
/// An order of reading: element (i, j, ...) lies i * stride 0 + j * stride 1 + ... elements after the first. Read so, the elements are the
/// tensor's own, row after row; the sizes may be a finer division of the tensor's shape (rows as [heads, pairs, 2], say).
/// </summary>
public sealed record StridedView(IReadOnlyList<long> Sizes, IReadOnlyList<long> Strides)
{
    /// <summary>Whether this is the plain order, row after row.</summary>
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
