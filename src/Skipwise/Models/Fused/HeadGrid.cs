using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Models.Fused;

/// <summary>A tensor's memory [N, tokens, heads, D], whose scope outlives this.</summary>
internal readonly unsafe struct HeadGrid
{
    private readonly float* _start;
    private readonly nint _sequence, _token, _head;

    public HeadGrid(Tensor tensor)
    {
        Tensor plain = tensor.size(-1) == 1 || tensor.stride(-1) == 1 ? tensor : tensor.contiguous();
        _start = TensorStart.Of<float>(plain, anyStrides: true);
        (_sequence, _token, _head) = ((nint)plain.stride(0), (nint)plain.stride(1), (nint)plain.stride(2));
    }

    public HeadRows Of(int sequence, int head) => new(_start + (sequence * _sequence) + (head * _head), _token);
}

/// <summary>One head's rows of D numbers, a token each.</summary>
internal readonly unsafe struct HeadRows(float* start, nint step)
{
    public nint Step => step;

    public float* At(int token) => start + (token * step);
}

/// <summary>Memory for one piece of work, handed out from its start.</summary>
internal sealed unsafe class Workspace(float* start)
{
    private const nuint Line = 64; // bytes that tiles begin at a multiple of

    private float* _free = (float*)(((nuint)start + Line - 1) / Line * Line);

    /// <param name="numbers">a multiple of 16</param>
    public float* Take(int numbers)
    {
        float* taken = _free;
        _free += numbers;
        return taken;
    }

    public float* Zeros(int numbers)
    {
        float* taken = Take(numbers);
        new Span<float>(taken, numbers).Clear();
        return taken;
    }

    /// <summary>Rows from the <paramref name="first"/>th on, as a matrix of its own [rows, W]; zeros after the last key and dimension.</summary>
    public float* Rows(HeadRows from, int first, int rows, AttentionPlan plan)
    {
        float* to = Take(rows * plan.Wide);
        int there = Math.Min(rows, plan.Sight.Keys - first);
        Tiles.Copy(from.At(first), from.Step, to, plan.Wide, there, plan.Dim, plan.Wide, 1);
        new Span<float>(to + (there * plan.Wide), (rows - there) * plan.Wide).Clear();
        return to;
    }
}
