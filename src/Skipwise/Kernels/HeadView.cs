namespace Skipwise.Kernels;

/// <summary>View of one head: a row of D elements per token.</summary>
internal readonly unsafe struct HeadView(float* start, nint step)
{
    public nint RowStride => step;

    public float* Row(int token) => start + (token * step);
}
