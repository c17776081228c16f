namespace Skipwise.Kernels;

/// <summary>One head's rows of D numbers, a token each.</summary>
internal readonly unsafe struct HeadView(float* start, nint step)
{
    public nint RowStride => step;

    public float* Row(int token) => start + (token * step);
}
