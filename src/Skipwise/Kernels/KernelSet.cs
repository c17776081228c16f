using Skipwise.Rope;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Kernels;

/// <summary>
/// The seam between what models and training compute and how: one implementation of each kernel for a device, an element type and this
/// processor. All sets compute the same up to rounding; <see cref="Reference"/> says what that is. A caller never asks which set it has,
/// nor whether a gradient will be asked for: that is the set's to see.
/// </summary>
internal abstract class KernelSet
{
    // B batch, T queries, S keys, H query heads, K kv heads, D head dim, C hidden, V vocabulary, M tokens with a label

    [ThreadStatic]
    private static KernelSet? s_used;

    /// <summary>The formulas, spelled in libtorch's operations, with autograd's gradients. Every other set is tested against it.</summary>
    public static KernelSet Reference { get; } = new ReferenceKernels();

    /// <summary>libtorch's own fused operations: for every device.</summary>
    public static KernelSet Torch { get; } = new TorchKernels();

    /// <summary>libtorch's operations with backwards of our own: for the CPU.</summary>
    public static KernelSet Cpu { get; } = new CpuKernels();

    /// <summary>Kernels of our own: for float32 on a CPU with AVX-512.</summary>
    public static KernelSet Avx512 { get; } = new Avx512Kernels();

    private static readonly KernelSet[] s_bestFirst = [Avx512, Cpu, Torch];

    /// <summary>The best set for such tensors, unless this thread <see cref="Use">uses</see> another.</summary>
    public static KernelSet For(Device device, ScalarType dtype) => For(device.type, dtype);

    /// <inheritdoc cref="For(Device, ScalarType)"/>
    public static KernelSet For(Tensor tensor) => For(tensor.device_type, tensor.dtype);

    /// <summary>All sets that can compute with such tensors on this machine, the reference first.</summary>
    public static IReadOnlyList<KernelSet> All(Device device, ScalarType dtype) =>
        [Reference, .. s_bestFirst.Reverse().Where(set => set.Supports(device.type, dtype))];

    /// <summary>
    /// Until the result is disposed, this thread computes with that set wherever the set supports the tensors. A backward uses the set that
    /// its forward used. For tests and measurements.
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

    /// <summary>Whether this set can compute with such tensors, on this machine.</summary>
    protected abstract bool Supports(DeviceType device, ScalarType dtype);

    /// <summary>The rows of a matrix.</summary>
    /// <param name="weight">[V, C]</param>
    /// <param name="ids">int64 [B, T]</param>
    /// <returns>[B, T, C]</returns>
    public abstract Tensor Embedding(Tensor weight, Tensor ids);

    /// <summary>x / sqrt(mean(x^2) + eps) times the weight, over the last dimension.</summary>
    /// <param name="x">[..., C]</param>
    /// <param name="weight">[C]</param>
    public abstract Tensor RmsNorm(Tensor x, Tensor weight, RmsNormOptions options);

    /// <summary>
    /// Turns each pair of the rotary dimensions as one complex number and leaves the pairs side by side, whatever the layout.
    /// </summary>
    /// <param name="x">[B, T, H, D]</param>
    /// <param name="rotation">complex64 [B or 1, T, 1, R/2]</param>
    /// <param name="layout">which dimensions turn together</param>
    public abstract Tensor Rotate(Tensor x, Tensor rotation, RotaryLayout layout);

    /// <summary>silu(gate) up, number by number.</summary>
    public abstract Tensor GatedSilu(Tensor gate, Tensor up);

    /// <summary>x W^T + b.</summary>
    /// <param name="x">[..., in]</param>
    /// <param name="weight">[out, in], of x's type or a narrower one</param>
    /// <param name="bias">[out]</param>
    /// <returns>[..., out]</returns>
    public abstract Tensor Linear(Tensor x, Tensor weight, Tensor? bias);

    /// <summary>x W^T with a frozen weight that is held in few bits.</summary>
    /// <param name="x">[..., in]</param>
    /// <param name="dequantize">makes the weight [out, in] of x's type, each time the same</param>
    /// <returns>[..., out]</returns>
    public abstract Tensor QuantizedLinear(Tensor x, Func<Tensor> dequantize);

    /// <summary>
    /// How often layers have to be computed a second time, so that <see cref="QuantizedLinear"/> does not keep all unpacked weights at
    /// once.
    /// </summary>
    /// <param name="asked">k: layers 0, k, 2 k, ...; 0: none</param>
    public abstract int RecomputeEvery(int asked, Func<bool> isQuantized);

    /// <summary>
    /// Decides how a forward's queries attend: to no later token, in token order and never by position ids; to the last
    /// <paramref name="window"/> tokens; to their own document.
    /// </summary>
    /// <param name="queries">T, tokens of this forward, or of its longest document, beyond which no query sees</param>
    /// <param name="cached">tokens that the cache already holds: S = cached + T</param>
    /// <param name="window">W: token i sees the tokens j with i - W &lt; j &lt;= i; null sees all before it</param>
    /// <param name="documents">lengths of documents that lie end to end in one row, which then has no cache; empty: a row is one</param>
    /// <param name="dtype">of queries, keys and values</param>
    public abstract AttentionPlan PlanAttention(
        int queries, int cached, int? window, int[] documents, ScalarType dtype, Device device);

    /// <summary>Bytes that a plan for so many tokens takes at most while it is made.</summary>
    /// <inheritdoc cref="PlanAttention"/>
    public abstract long AttentionPlanBytes(int queries, int? window);

    /// <summary>
    /// Cross entropy of hidden states against their next tokens by a head that is a matrix, and its gradients, in chunks of tokens: the
    /// scores of all tokens [M, V] never exist at once.
    /// </summary>
    /// <param name="hidden">[M, C]</param>
    /// <param name="weight">the head [V, C]; its gradient is added to its own, if it is trained</param>
    /// <param name="targets">int64 [M]</param>
    /// <param name="divisor">gradients are those of the summed loss over this</param>
    /// <param name="chunk">tokens whose scores exist at once</param>
    /// <param name="total">float64, 0-dim; the summed loss in nats is added to it</param>
    /// <returns>the states' gradient [M, C]</returns>
    public abstract Tensor LinearCrossEntropy(
        Tensor hidden, Parameter weight, Tensor targets, double divisor, long chunk, Tensor total);

    /// <summary>How many times a chunk's scores exist at once, in float32, while <see cref="LinearCrossEntropy"/> works.</summary>
    public abstract int ScoreCopies { get; }

    /// <summary>How many tensors of its inputs' size <see cref="GatedSilu"/> keeps for its backward.</summary>
    public virtual int GatedSiluSaves => 3; // gate, up, and the activated gate

    /// <summary>How many tensors of the queries' size attention's backward makes their gradient in.</summary>
    public virtual int QueryGradientParts => 2;

    /// <summary>AdamW's update with moments in 8 bits, compiled for these constants; it belongs to the caller.</summary>
    public abstract AdamW8BitUpdate CreateAdamW8Bit(double beta1, double beta2, double eps);

    public override string ToString() => GetType().Name;

    /// <summary>Whether autograd will ask for a gradient of what is computed from these.</summary>
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
