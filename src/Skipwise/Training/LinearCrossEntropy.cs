using Skipwise.Kernels;
using Skipwise.Models;
using static TorchSharp.torch;

namespace Skipwise.Training;

/// <summary>Next-token cross entropy of hidden states, with its gradients, for every kind of head.</summary>
internal static class LinearCrossEntropy
{
    // M tokens with a label, C hidden

    /// <param name="hidden">[M, C]</param>
    /// <param name="targets">int64 [M]</param>
    /// <param name="divisor">gradients are those of the summed loss divided by it</param>
    /// <param name="chunk">tokens whose logits exist at once</param>
    /// <param name="total">float64, 0-dim; the summed loss in nats is added to it</param>
    /// <returns>gradient of the hidden states [M, C]; the head's is added to its own</returns>
    /// <exception cref="OperationCanceledException">before a chunk; gradients are then those of some tokens</exception>
    public static Tensor Backward(CausalLM model, Tensor hidden, Tensor targets, double divisor, long chunk, Tensor total,
        CancellationToken stop = default) =>
        model.IsHeadLinear && model.Config.ZLossWeight == 0
            ? KernelSet.For(hidden).LinearCrossEntropy(hidden, model.HeadWeight, targets, divisor, chunk, total, stop)
            : ChunkedCrossEntropy.BackwardByAutograd(
                model.Logits, model.HeadParameters, model.Config.ZLossWeight, hidden, targets, divisor, chunk, total, stop);
}
