namespace Skipwise.Kernels;

/// <summary>Scratch memory of one unit of work, allocated from its start.</summary>
internal sealed unsafe class Workspace(float* start)
{
    /// <summary>elements; tiles begin at a multiple</summary>
    public const int Alignment = 16;

    private const nuint Line = Alignment * sizeof(float); // bytes

    private float* _free = (float*)(((nuint)start + Line - 1) / Line * Line);

    /// <param name="count">elements, a multiple of <see cref="Alignment"/></param>
    public float* Allocate(int count)
    {
        float* taken = _free;
        _free += count;
        return taken;
    }

    public float* AllocateZeroed(int count)
    {
        float* taken = Allocate(count);
        new Span<float>(taken, count).Clear();
        return taken;
    }

    /// <summary>
    /// Copies rows from the <paramref name="first"/>th on into a matrix [rows, W]; rows after the last key and columns after D are zeros.
    /// </summary>
    public float* CopyRows<TLanes, T>(HeadView from, int first, int rows, TilePlan plan) where TLanes : ILanes<T> where T : struct
    {
        float* to = Allocate(rows * plan.PaddedDim);
        int there = Math.Min(rows, plan.Window.Keys - first);
        VectorGemm<TLanes, T>.ScaledCopy(
            from.Row(first), from.RowStride, to, plan.PaddedDim, there, plan.Dim, plan.PaddedDim, 1);
        new Span<float>(to + (there * plan.PaddedDim), (rows - there) * plan.PaddedDim).Clear();
        return to;
    }
}
