using System.Runtime.Intrinsics;
using Skipwise.Rope;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Kernels;

/// <summary>
/// One implementation of every kernel that models and training use, for a device, an element type and this processor. All sets compute the
/// same up to rounding; <see cref="Reference"/> defines the result. Callers depend neither on the set nor on whether a gradient is needed.
/// </summary>
internal abstract class KernelSet
{
    // B batch, T queries, S keys, H query heads, K kv heads, D head dim, C hidden, V vocabulary, M tokens with a label

    [ThreadStatic]
    private static KernelSet? s_used;

    /// <summary>
    /// The reference implementation: libtorch's basic operations with autograd's gradients. Every other set is tested against it.
    /// </summary>
    public static KernelSet Reference { get; } = new ReferenceKernels();

    /// <summary>libtorch's fused operations: for every device.</summary>
    public static KernelSet Torch { get; } = new TorchKernels();

    /// <summary>libtorch's operations with custom backwards: for the CPU.</summary>
    public static KernelSet Cpu { get; } = new CpuKernels();

    /// <summary>Skipwise's own kernels for float32: for a CPU with AVX-512.</summary>
    public static KernelSet Vectors512 { get; } = new VectorKernels<Lanes512, Vector512<float>, Float32Element>();

    /// <summary>The same kernels: for a CPU with AVX2 and FMA.</summary>
    public static KernelSet Vectors256 { get; } = new VectorKernels<Lanes256, Vector256<float>, Float32Element>();

    /// <summary>The same kernels: for every other CPU, Arm's among them.</summary>
    public static KernelSet Vectors128 { get; } = new VectorKernels<Lanes128, Vector128<float>, Float32Element>();

    private static readonly KernelSet[] s_bestFirst =
    [
        Vectors512, Vectors256, Vectors128,
        new VectorKernels<Lanes512, Vector512<float>, BFloat16Element>(), new VectorKernels<Lanes256, Vector256<float>, BFloat16Element>(),
        new VectorKernels<Lanes128, Vector128<float>, BFloat16Element>(),
        Cpu, Torch,
    ];

    /// <summary>The fastest set for such tensors, unless this thread <see cref="Use">uses</see> another.</summary>
    public static KernelSet For(Device device, ScalarType dtype) => For(device.type, dtype);

    /// <inheritdoc cref="For(Device, ScalarType)"/>
    public static KernelSet For(Tensor tensor) => For(tensor.device_type, tensor.dtype);

    /// <summary>All sets that support such tensors on this machine, the reference first.</summary>
    public static IReadOnlyList<KernelSet> All(Device device, ScalarType dtype) =>
        [Reference, .. s_bestFirst.Reverse().Where(set => set.Supports(device.type, dtype))];

    /// <summary>
    /// Makes this thread use a set, if the set supports the tensors, until the result is disposed. A backward uses the set of its forward.
    /// For tests and benchmarks.
    /// </summary>
    public static IDisposable Use(KernelSet set)
    {
        KernelSet? before = s_used;
        s_used = set;
        return new Restore(before);
    }

    private static KernelSet For(DeviceType device, ScalarType dtype)
    {
        if (s_used is { } used && used.Supports(device, dtype))
        {
            return used;
        }
        foreach (KernelSet set in s_bestFirst)
        {
            if (set.Supports(device, dtype))
            {
                return set;
            }
        }
        return Torch;
    }

    /// <summary>Whether this set supports such tensors on this machine.</summary>
    protected abstract bool Supports(DeviceType device, ScalarType dtype);

    /// <summary>Rows of an embedding matrix.</summary>
    /// <param name="weight">[V, C]</param>
    /// <param name="ids">int64 [B, T]</param>
    /// <returns>[B, T, C]</returns>
    public abstract Tensor Embedding(Tensor weight, Tensor ids);

    /// <summary>x / sqrt(mean(x^2) + eps) times the weight, over the last dimension.</summary>
    /// <param name="x">[..., C]</param>
    /// <param name="weight">[C]</param>
    public abstract Tensor RmsNorm(Tensor x, Tensor weight, RmsNormOptions options);

    /// <summary>
    /// Rotates each pair of the rotary dimensions as one complex number and leaves the pairs interleaved, whatever the layout.
    /// </summary>
    /// <param name="x">[B, T, H, D]</param>
    /// <param name="rotation">complex64 [B or 1, T, 1, R/2]</param>
    /// <param name="layout">which dimensions form a pair</param>
    public abstract Tensor Rotate(Tensor x, Tensor rotation, RotaryLayout layout);

    /// <summary>silu(gate) up, element-wise.</summary>
    public abstract Tensor GatedSilu(Tensor gate, Tensor up);

    /// <summary>x W^T + b.</summary>
    /// <param name="x">[..., in]</param>
    /// <param name="weight">[out, in], of x's type or half precision</param>
    /// <param name="bias">[out]</param>
    /// <returns>[..., out]</returns>
    public abstract Tensor Linear(Tensor x, Tensor weight, Tensor? bias);

    /// <summary>x W^T + b. The backward may compute x again instead of saving it.</summary>
    /// <param name="weight">[out, in]; if it is trained, a leaf</param>
    /// <inheritdoc cref="Linear(Tensor, Tensor, Tensor?)"/>
    public virtual Tensor Linear(Recomputable x, Tensor weight, Tensor? bias) => Linear(x.Value, weight, bias);

    /// <summary>x W^T with a frozen, quantized weight.</summary>
    /// <param name="x">[..., in]</param>
    /// <param name="dequantize">returns the weight [out, in] in x's type, the same every time</param>
    /// <returns>[..., out]</returns>
    public abstract Tensor QuantizedLinear(Tensor x, Func<Tensor> dequantize);

    /// <summary>The recomputation interval that keeps <see cref="QuantizedLinear"/> from saving all dequantized weights at once.</summary>
    /// <param name="asked">requested k: layers 0, k, 2 k, ...; 0: none</param>
    public abstract int RecomputeEvery(int asked, Func<bool> isQuantized);

    /// <summary>
    /// Plans the attention of a forward: no query attends to a later token (in token order, never by position ids), beyond the last
    /// <paramref name="window"/> tokens, or to another document.
    /// </summary>
    /// <param name="queries">T, tokens of this forward, or of its longest document</param>
    /// <param name="cached">tokens that the cache already holds: S = cached + T</param>
    /// <param name="window">W: token i attends to tokens j with i - W &lt; j &lt;= i; null: to all before it</param>
    /// <param name="documents">lengths of documents packed into one row, which then has no cache; empty: a row is one document</param>
    /// <param name="dtype">of queries, keys and values</param>
    public abstract AttentionPlan PlanAttention(
        int queries, int cached, int? window, int[] documents, ScalarType dtype, Device device);

    /// <summary>Plans a forward's attention where the rows of the cache have different lengths. For inference only.</summary>
    /// <param name="queries">int64 [B, T], the index of each query's token in its row</param>
    /// <param name="keys">S, tokens of the longest row, those of this forward included</param>
    /// <inheritdoc cref="PlanAttention"/>
    public abstract AttentionPlan PlanRaggedAttention(Tensor queries, int keys, int? window, ScalarType dtype);

    /// <summary>Peak bytes while such a plan is made.</summary>
    /// <inheritdoc cref="PlanAttention"/>
    public abstract long AttentionPlanBytes(int queries, int? window);

    /// <summary>
    /// Next-token cross entropy of hidden states by a head that is a matrix, and its gradients, in chunks of tokens: the logits of all
    /// tokens [M, V] never exist at once.
    /// </summary>
    /// <param name="hidden">[M, C]</param>
    /// <param name="weight">the head [V, C]; its gradient is added to its own, if it is trained</param>
    /// <param name="targets">int64 [M]</param>
    /// <param name="divisor">gradients are those of the summed loss divided by it</param>
    /// <param name="chunk">tokens whose logits exist at once</param>
    /// <param name="total">float64, 0-dim; the summed loss in nats is added to it</param>
    /// <param name="stop">looked at before every chunk</param>
    /// <returns>gradient of the hidden states [M, C]</returns>
    public abstract Tensor LinearCrossEntropy(Tensor hidden, Parameter weight, Tensor targets, double divisor, long chunk, Tensor total,
        CancellationToken stop = default);

    /// <summary>Float32 copies of a chunk's logits that <see cref="LinearCrossEntropy"/> holds at once.</summary>
    public abstract int ScoreCopies { get; }

    /// <summary>Tensors of its inputs' size that <see cref="GatedSilu"/> saves for its backward.</summary>
    public virtual int GatedSiluSaves => 3; // gate, up, and the activated gate

    /// <summary>Whether products with a trained weight compute a <see cref="Recomputable"/> again instead of saving it.</summary>
    public virtual bool RecomputesInputs => false;

    /// <summary>Tensors of the queries' size that attention's backward holds for their gradient.</summary>
    public virtual int QueryGradientParts => 2;

    /// <summary>Whether attention computes on float32 copies of its inputs.</summary>
    public virtual bool WidensAttention => false;

    /// <summary>The AdamW update with 8-bit moments, compiled for these constants; the caller disposes it.</summary>
    public abstract AdamW8BitUpdate CreateAdamW8Bit(double beta1, double beta2, double eps);

    public override string ToString() => GetType().Name;

    /// <summary>Whether autograd needs a gradient of a result of these tensors.</summary>
    public static bool IsTracked(params ReadOnlySpan<Tensor> tensors)
    {
        bool isTracked = false;
        foreach (Tensor tensor in tensors)
        {
            isTracked |= tensor.requires_grad;
        }
        return isTracked && is_grad_enabled();
    }

    private sealed class Restore(KernelSet? before) : IDisposable
    {
        public void Dispose() => s_used = before;
    }
}
