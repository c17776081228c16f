using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Models.Lora;

/// <summary>The update of one projection: x A^T B^T, times a scale. A [r, in], B [out, r].</summary>
internal sealed class LoraLayer(Projection a, Projection b, double scale, double dropout, KeyedDropout masks, int index)
{
    public Projection A { get; } = a;

    public Projection B { get; } = b;

    public double Scaling { get; } = scale;

    public Tensor Forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        return B.forward(A.forward(masks.Apply(x, dropout, index))).mul(Scaling).MoveToOuterDisposeScope();
    }
}
