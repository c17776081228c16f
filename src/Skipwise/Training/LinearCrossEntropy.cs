using Skipwise.Kernels;
using Skipwise.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Training;

/// <summary>
/// Cross entropy of hidden states against their next tokens, with its gradients, in chunks of tokens: the scores of all tokens, [M, V],
/// never exist at once. Loss and gradient come out of one pass: the gradient of -ln softmax(z)[y] by z is softmax(z) - onehot(y).
/// </summary>
internal static class LinearCrossEntropy
{
    // M tokens with a label, C hidden, V vocabulary

    /// <summary>
    /// What float16 shares are multiplied with before they are rounded: most of a vocabulary's are below float16's least number, 6e-8,
    /// and none is above 1.
    /// </summary>
    private const float Float16Scale = 1 << 15;

    /// <param name="hidden">[M, C]</param>
    /// <param name="targets">int64 [M]</param>
    /// <param name="divisor">gradients are those of the summed loss over this</param>
    /// <param name="chunk">tokens whose scores exist at once</param>
    /// <param name="total">float64, 0-dim; the summed loss in nats is added to it</param>
    /// <returns>the states' gradient [M, C]; the head's is added to its own</returns>
    public static Tensor Backward(CausalLM model, Tensor hidden, Tensor targets, double divisor, long chunk, Tensor total) =>
        model.IsHeadLinear && model.Config.ZLossWeight == 0 && !FusedKernels.UsesReference
            ? BackwardFused(model, hidden, targets, divisor, chunk, total)
            : BackwardByAutograd(model, hidden, targets, divisor, chunk, total);

    private static Tensor BackwardFused(CausalLM model, Tensor hidden, Tensor targets, double divisor, long chunk, Tensor total)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        Tensor weight = model.HeadWeight.detach(), gradient = empty_like(hidden);
        Float32Gradient? weightGradient = model.HeadWeight.requires_grad ? new(model.HeadWeight) : null;
        float float16Scale = hidden.dtype == ScalarType.Float16 ? Float16Scale : 1, scale = (float)(1 / divisor) / float16Scale;
        for (long start = 0; start < hidden.size(0); start += chunk)
        {
            using var piece = NewDisposeScope();
            long length = Math.Min(chunk, hidden.size(0) - start);
            Tensor rows = hidden.narrow(0, start, length), labels = targets.narrow(0, start, length).unsqueeze(1); // [L, C], [L, 1]
            Tensor logits = rows.mm(weight.t()); // [L, V]
            Tensor share = Avx512Ops.Supports(logits) ? FusedCrossEntropy(logits, labels, total) : TorchCrossEntropy(logits, labels, total);
            share = (float16Scale == 1 ? share : share.mul_(float16Scale)).to(rows.dtype);
            gradient.narrow(0, start, length).addmm_(share, weight, beta: 0, alpha: scale);
            weightGradient?.AddMatmul(share.t(), rows, scale);
        }
        weightGradient?.Assign();
        return gradient.MoveToOuterDisposeScope();
    }

    /// <param name="logits">[L, V]; what is returned may stand in its place</param>
    /// <param name="labels">int64 [L, 1]</param>
    /// <returns>softmax(scores) - onehot(labels), float32; the loss is added to <paramref name="total"/></returns>
    private static Tensor FusedCrossEntropy(Tensor logits, Tensor labels, Tensor total)
    {
        total.add_(Avx512Ops.CrossEntropy(logits, labels).sum());
        return logits;
    }

    /// <inheritdoc cref="FusedCrossEntropy"/>
    private static Tensor TorchCrossEntropy(Tensor logits, Tensor labels, Tensor total)
    {
        (Tensor largest, Tensor at) = logits.max(1, true);
        Tensor label = logits.gather(1, labels);
        Tensor gradient = logits.softmax(1, ScalarType.Float32);
        logits.Dispose();
        // ln of the sum of exp by the largest score, whose share is at least 1 / V: nothing underflows
        total.add_((largest - gradient.gather(1, at).log() - label).sum(ScalarType.Float64));
        return gradient.scatter_add_(1, labels, full(labels.shape, -1, ScalarType.Float32, labels.device));
    }

    /// <summary>
    /// The same through autograd, for heads that are more than a matrix and for the z-loss; also the twin that the above is tested
    /// against. float16 is
    /// widened for it: nothing lifts the shares here.
    /// </summary>
    /// <inheritdoc cref="Backward"/>
    private static Tensor BackwardByAutograd(CausalLM model, Tensor hidden, Tensor targets, double divisor, long chunk, Tensor total)
    {
        using var scope = NewDisposeScope();
        ScalarType type = hidden.dtype == ScalarType.Float16 ? ScalarType.Float32 : hidden.dtype;
        Tensor gradient = empty_like(hidden);
        Float32Gradient[] gradients = [.. model.HeadParameters.Where(p => p.requires_grad).Select(p => new Float32Gradient(p))];
        for (long start = 0; start < hidden.size(0); start += chunk)
        {
            using var piece = NewDisposeScope();
            long length = Math.Min(chunk, hidden.size(0) - start);
            Tensor leaf = hidden.narrow(0, start, length).to(type).detach().requires_grad_();
            Tensor logits = model.Logits(leaf).to(ScalarType.Float32);
            Tensor loss = nn.functional.cross_entropy(logits, targets.narrow(0, start, length), reduction: nn.Reduction.Sum);
            if (model.Config.ZLossWeight != 0)
            {
                loss += model.Config.ZLossWeight * logits.max(1).values.square().sum();
            }
            FusedKernels.RethrowingBackward(() => (loss / divisor).backward());
            gradient.narrow(0, start, length).copy_(leaf.grad!);
            Array.ForEach(gradients, wide => wide.AddParameterGradient());
            total.add_(loss.detach());
        }
        Array.ForEach(gradients, wide => wide.Assign());
        return gradient.MoveToOuterDisposeScope();
    }
}
