using Skipwise.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Models.Lora;

/// <summary>LoRA adapter of one projection: x A^T B^T, times a scale. A [r, in], B [out, r].</summary>
internal sealed class LoraLayer(Projection a, Projection b, double scale, double dropout, KeyedDropout masks, int index)
{
    public Projection A { get; } = a;

    public Projection B { get; } = b;

    public double Scaling { get; } = scale;

    /// <summary>elements that its forward saves per token: A's output, and with dropout the kept input and the mask</summary>
    public long SavedNumbers => A.weight.size(0) + (HasDropout ? 2 * A.weight.size(1) : 0);

    public bool HasDropout => dropout > 0;

    public Tensor Forward(Recomputable x)
    {
        using var scope = NewDisposeScope();
        Tensor low = HasDropout ? A.forward(masks.Apply(x.Value, dropout, index)) : A.Forward(x);
        return B.forward(low).mul(Scaling).MoveToOuterDisposeScope();
    }
}
