using Skipwise.Kernels;
using Skipwise.Models;
using Skipwise.Models.Lora;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Estimation;

/// <summary>
/// Activation memory of one layer in bytes per token, counted from the tensors that its forward saves and its backward creates.
/// </summary>
/// <param name="Saved">saved between forward and backward, its input included</param>
/// <param name="Peak">peak during its backward, saved tensors included</param>
internal readonly record struct LayerActivations(long Saved, long Peak)
{
    // C hidden, I feed-forward, Q = heads * head dim, K = key/value heads * head dim: elements per token
    private const int Float = sizeof(float);

    public static LayerActivations Of(LayerSizes sizes)
    {
        DecoderConfig config = sizes.Config;
        KernelSet kernels = KernelSet.For(sizes.Compute.Device, sizes.Compute.Dtype);
        Dictionary<string, Projection> projections =
            LoraInjector.Projections(sizes.Model).ToDictionary(p => p.Name[(p.Name.LastIndexOf('.') + 1)..], p => p.Projection);
        // A product with a frozen matrix saves no input for its backward, and some kernels compute it again; LoRA dropout creates a tensor
        // of its own.
        bool KeepsInput(params string[] names) => names.Any(name => projections.TryGetValue(name, out Projection? p)
            && !kernels.RecomputesInputs && (p.weight.requires_grad || p.Lora is { HasDropout: false }));
        int width = sizes.Width, hidden = config.HiddenSize, inner = config.IntermediateSize;
        int query = config.NumAttentionHeads * config.HeadDim, keyValue = config.NumKeyValueHeads * config.HeadDim;
        bool hasSharedNorm = config.Residual == ResidualKind.ParallelSharedNorm;

        long norms = config.Norm == NormKind.Layer ? 2 * Float : Float; // a norm's factor, or mean and factor
        long attention = width * (2L * (query + keyValue)) + (Float * config.NumAttentionHeads); // query, key, value, output; log-sum-exp
        attention += config.QueryKeyNorm // query and key as they were before
            ? (width * (query + keyValue)) + (norms * (config.NumAttentionHeads + config.NumKeyValueHeads)) : 0;
        string[] readers = hasSharedNorm ? ["q_proj", "k_proj", "v_proj", "gate_proj", "up_proj"] : ["q_proj", "k_proj", "v_proj"];
        attention += norms + (KeepsInput(readers) ? width * hidden : 0); // the normalized input

        bool keepsInner = KeepsInput("down_proj");
        // up; gate; activated gate
        int wide = !config.GatedFeedForward ? 1 : config.Activation == Activation.Silu ? kernels.GatedSiluSaves : 3;
        long feedForward = width * (long)inner * (wide + (keepsInner ? 1 : 0));
        feedForward += config.Residual == ResidualKind.Sequential ? width * hidden : 0; // the norm's input, a separate tensor
        feedForward += hasSharedNorm ? 0 : norms + (KeepsInput("gate_proj", "up_proj") ? width * hidden : 0);

        long adapters = projections.Values.Where(p => p.Lora is not null).Sum(p => p.Lora!.SavedNumbers * (long)width);
        long saved = (width * hidden) + attention + feedForward + adapters;

        // At the activation: gradients of the product, the gate and up; the product itself is already freed.
        long gradients = width * (long)inner * ((config.GatedFeedForward ? 3 : 2) - (keepsInner ? 1 : 0));
        // At attention: gradients of the output, keys, values, and one of the queries per thread; the feed-forward's tensors are freed.
        int parts = kernels.QueryGradientParts;
        long atAttention = kernels.WidensAttention // the inputs' float32 copies and gradients, and these rounded
            ? (Float * (((parts + 3L) * query) + (4L * keyValue))) + (width * ((2L * (query + keyValue)) + hidden))
            : width * (((parts + 1L) * query) + (2L * keyValue) + hidden);
        return new(saved, saved + Math.Max(gradients, atAttention - feedForward));
    }
}
