using Skipwise.Rope;
using Skipwise.Runtime;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Kernels;

/// <summary>
/// Kernels on processors with such vectors: single-pass versions of operations for which libtorch needs several passes over memory
/// (<see cref="VectorOps{TLanes, T, TElement}"/>), and tiled attention (<see cref="TiledAttention{TLanes, T}"/>). Tensors shorter than a
/// vector go to <see cref="CpuKernels"/>.
/// </summary>
/// <typeparam name="TLanes">operations of the vector</typeparam>
/// <typeparam name="T">the vector</typeparam>
/// <typeparam name="TElement">type of the tensors</typeparam>
internal sealed class VectorKernels<TLanes, T, TElement> : CpuKernels
    where TLanes : ILanes<T> where T : struct where TElement : struct, IElement
{
    private const int MinTiledQueries = 48; // with fewer a panel of 64 is mostly padding
    private const int MinNarrowBackward = 4096; // tokens; libtorch's backward is slower below

    /// <summary>Whether the processor multiplies these numbers faster than float32: then libtorch's attention is faster than tiles of
    /// float32, except in the backward of short windows.</summary>
    private static readonly bool s_multipliesNarrow = TElement.Dtype == ScalarType.BFloat16 && ComputeOptions.HasBfloat16Instructions;

    /// <inheritdoc/>
    /// <remarks><c>DOTNET_EnableAVX512=0</c> and <c>DOTNET_EnableAVX2=0</c> leave the narrower vectors.</remarks>
    protected override bool Supports(DeviceType device, ScalarType dtype) =>
        TLanes.IsSupported && device == DeviceType.CPU && dtype == TElement.Dtype;

    public override Tensor RmsNorm(Tensor x, Tensor weight, RmsNormOptions options)
    {
        if (IsTracked(x, weight) || !Fits(x))
        {
            return base.RmsNorm(x, weight, options);
        }
        using var scope = NewDisposeScope();
        Tensor factor = options.Factor(weight.to(ScalarType.Float32));
        return VectorOps<TLanes, T, TElement>.RmsNorm(x, factor, options.Eps, !options.HasOffset).Normed.MoveToOuterDisposeScope();
    }

    public override Tensor GatedSilu(Tensor gate, Tensor up) =>
        IsTracked(gate, up) || !Fits(gate, up) ? base.GatedSilu(gate, up) : VectorOps<TLanes, T, TElement>.GatedSilu(gate, up);

    public override AttentionPlan PlanAttention(int queries, int cached, int? window, int[] documents, ScalarType dtype, Device device) =>
        queries < MinTiledQueries || (s_multipliesNarrow && !(window < cached + queries))
            ? base.PlanAttention(queries, cached, window, documents, dtype, device)
            : new CausalAttention(this, window < cached + queries ? window : null, documents, withoutGraph: null);

    public override long AttentionPlanBytes(int queries, int? window) => 0; // windows are the tiles', which have no mask

    public override int ScoreCopies => 1;

    public override bool WidensAttention => TElement.Dtype != ScalarType.Float32;

    public override int QueryGradientParts => torch.get_num_threads(); // one per part of the keys

    public override (Tensor Normed, Tensor Scale) RmsNormForward(Tensor x, Tensor factor, RmsNormOptions options) =>
        Fits(x)
            ? VectorOps<TLanes, T, TElement>.RmsNorm(x, factor, options.Eps, !options.HasOffset)
            : base.RmsNormForward(x, factor, options);

    public override (Tensor X, Tensor Factor) RmsNormBackward(
        Tensor gradient, Tensor x, Tensor factor, Tensor scale, RmsNormOptions options) =>
        Fits(gradient, x)
            ? VectorOps<TLanes, T, TElement>.RmsNormBackward(gradient, x, factor, scale)
            : base.RmsNormBackward(gradient, x, factor, scale, options);

    public override Tensor RotateForward(Tensor x, Tensor rotation, RotaryLayout layout) =>
        Fits(x) ? VectorOps<TLanes, T, TElement>.Rotate(x, rotation, layout, back: false) : base.RotateForward(x, rotation, layout);

    public override Tensor RotateBackward(Tensor gradient, Tensor rotation, RotaryLayout layout) =>
        Fits(gradient)
            ? VectorOps<TLanes, T, TElement>.Rotate(gradient, rotation, layout, back: true)
            : base.RotateBackward(gradient, rotation, layout);

    public override Tensor GatedSiluForward(Tensor gate, Tensor up) =>
        Fits(gate, up) ? VectorOps<TLanes, T, TElement>.GatedSilu(gate, up) : base.GatedSiluForward(gate, up);

    public override (Tensor Gate, Tensor Up) GatedSiluBackward(Tensor gradient, Tensor gate, Tensor up) =>
        Fits(gradient, gate, up)
            ? VectorOps<TLanes, T, TElement>.GatedSiluBackward(gradient, gate, up)
            : base.GatedSiluBackward(gradient, gate, up);

    /// <remarks>Tiles are float32, whatever the rows are: scores and sums are not rounded between them.</remarks>
    public override (Tensor Output, Tensor Lse) AttentionForward(Tensor query, Tensor key, Tensor value, int? window)
    {
        if (s_multipliesNarrow && window is null)
        {
            return base.AttentionForward(query, key, value, window);
        }
        using var scope = NewDisposeScope();
        (Tensor output, Tensor lse) = TiledAttention<TLanes, T>.Forward(Wide(query), Wide(key), Wide(value), window);
        return (output.to(query.dtype).MoveToOuterDisposeScope(), lse.MoveToOuterDisposeScope());
    }

    public override (Tensor Query, Tensor Key, Tensor Value) AttentionBackward(
        Tensor gradient, Tensor query, Tensor key, Tensor value, Tensor output, Tensor lse, int? window)
    {
        if (s_multipliesNarrow && window is null && query.size(1) >= MinNarrowBackward)
        {
            return base.AttentionBackward(gradient, query, key, value, output, lse, window);
        }
        using var scope = NewDisposeScope();
        (Tensor q, Tensor k, Tensor v) = TiledAttention<TLanes, T>.Backward(
            Wide(gradient), Wide(query), Wide(key), Wide(value), Wide(output), lse, window);
        return (q.to(query.dtype).MoveToOuterDisposeScope(), k.to(key.dtype).MoveToOuterDisposeScope(),
            v.to(value.dtype).MoveToOuterDisposeScope());
    }

    /// <inheritdoc/>
    /// <remarks>The gradient overwrites the logits.</remarks>
    protected override Tensor LogitsGradient(Tensor logits, Tensor labels, Tensor total)
    {
        if (!Fits(logits))
        {
            return base.LogitsGradient(logits, labels, total);
        }
        total.add_(VectorOps<TLanes, T, TElement>.CrossEntropy(logits, labels).sum());
        return logits;
    }

    private static Tensor Wide(Tensor x) => x.to(ScalarType.Float32); // the same tensor if it is

    private static bool Fits(params ReadOnlySpan<Tensor> tensors)
    {
        foreach (Tensor tensor in tensors)
        {
            if (tensor.dtype != TElement.Dtype || tensor.device_type != DeviceType.CPU || tensor.numel() < TLanes.Count)
            {
                return false;
            }
        }
        return true;
    }

    public override string ToString() =>
        $"VectorKernels of {TLanes.Count * 32} bits{(TElement.Dtype == ScalarType.Float32 ? "" : $", {TElement.Dtype}")}";
}
