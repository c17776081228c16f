namespace Skipwise.Kernels;

/// <summary>Memory for one piece of work, handed out from its start.</summary>
internal sealed unsafe class Workspace(float* start)
{
    private const nuint Line = 64; // bytes that tiles begin at a multiple of

    private float* _free = (float*)(((nuint)start + Line - 1) / Line * Line);

    /// <param name="numbers">a multiple of 16</param>
    public float* Allocate(int numbers)
    {
        float* taken = _free;
        _free += numbers;
        return taken;
    }

    public float* AllocateZeroed(int numbers)
    {
        float* taken = Allocate(numbers);
        new Span<float>(taken, numbers).Clear();
        return taken;
    }

    /// <summary>
    /// Rows from the <paramref name="first"/>th on, as a matrix of its own [rows, W]; zeros after the last key and dimension.
    /// </summary>
    public float* CopyRows(HeadView from, int first, int rows, TilePlan plan)
    {
        float* to = Allocate(rows * plan.PaddedDim);
        int there = Math.Min(rows, plan.Window.Keys - first);
        Avx512Gemm.ScaledCopy(from.Row(first), from.RowStride, to, plan.PaddedDim, there, plan.Dim, plan.PaddedDim, 1);
        new Span<float>(to + (there * plan.PaddedDim), (rows - there) * plan.PaddedDim).Clear();
        return to;
    }
}
