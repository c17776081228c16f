using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Kernels;

/// <summary>
/// Next-token cross entropy of hidden states, with its gradients, in chunks of tokens: the logits of all tokens, [M, V], never exist at
/// once. Loss and gradient come out of one pass: the gradient of -ln softmax(z)[y] with respect to z is softmax(z) - onehot(y).
/// </summary>
internal static class ChunkedCrossEntropy
{
    // M tokens with a label, C hidden, V vocabulary, L tokens of a chunk

    /// <summary>
    /// Scale of float16 probabilities before they are rounded: most of a vocabulary's are below float16's smallest number, 6e-8, and none
    /// is above 1.
    /// </summary>
    private const float Float16Scale = 1 << 15;

    /// <param name="logitsGradient">such as <see cref="LogitsGradient"/></param>
    /// <inheritdoc cref="KernelSet.LinearCrossEntropy"/>
    public static Tensor Backward(
        Tensor hidden, Parameter weight, Tensor targets, double divisor, long chunk, Tensor total,
        Func<Tensor, Tensor, Tensor, Tensor> logitsGradient, CancellationToken stop)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        Tensor head = weight.detach(), gradient = empty_like(hidden);
        Float32Gradient? weightGradient = weight.requires_grad ? new(weight) : null;
        float float16Scale = hidden.dtype == ScalarType.Float16 ? Float16Scale : 1, scale = (float)(1 / divisor) / float16Scale;
        for (long start = 0; start < hidden.size(0); start += chunk)
        {
            stop.ThrowIfCancellationRequested();
            using var piece = NewDisposeScope();
            long length = Math.Min(chunk, hidden.size(0) - start);
            Tensor rows = hidden.narrow(0, start, length), labels = targets.narrow(0, start, length).unsqueeze(1); // [L, C], [L, 1]
            Tensor ofLogits = logitsGradient(rows.mm(head.t()), labels, total); // [L, V]
            ofLogits = (float16Scale == 1 ? ofLogits : ofLogits.mul_(float16Scale)).to(rows.dtype);
            gradient.narrow(0, start, length).addmm_(ofLogits, head, beta: 0, alpha: scale);
            weightGradient?.AddMatmul(ofLogits.t(), rows, scale);
        }
        weightGradient?.Assign();
        return gradient.MoveToOuterDisposeScope();
    }

    /// <summary>Gradient of the summed loss with respect to the logits, by libtorch's operations.</summary>
    /// <param name="logits">[L, V]; may be overwritten by the result</param>
    /// <param name="labels">int64 [L, 1]</param>
    /// <param name="total">the summed loss is added to it</param>
    /// <returns>softmax(logits) - onehot(labels), float32</returns>
    public static Tensor LogitsGradient(Tensor logits, Tensor labels, Tensor total)
    {
        (Tensor largest, Tensor at) = logits.max(1, true);
        Tensor label = logits.gather(1, labels);
        Tensor gradient = logits.softmax(1, ScalarType.Float32);
        logits.Dispose();
        // log-sum-exp from the largest logit, whose probability is at least 1 / V: nothing underflows
        total.add_((largest - gradient.gather(1, at).log() - label).sum(ScalarType.Float64));
        return gradient.scatter_add_(1, labels, full(labels.shape, -1, ScalarType.Float32, labels.device));
    }

    /// <summary>
    /// The same through autograd: for heads that are more than a matrix, for the z-loss, and as the reference implementation. float16 is
    /// converted to float32, because the probabilities are not scaled here.
    /// </summary>
    /// <param name="logits">the head: [L, C] to [L, V]</param>
    /// <param name="parameters">the head's parameters</param>
    /// <param name="zLossWeight">z-loss weight: factor of the squared largest logit of a token</param>
    /// <inheritdoc cref="KernelSet.LinearCrossEntropy"/>
    public static Tensor BackwardByAutograd(
        Func<Tensor, Tensor> logits, IEnumerable<Parameter> parameters, double zLossWeight, Tensor hidden, Tensor targets, double divisor,
        long chunk, Tensor total, CancellationToken stop)
    {
        using var scope = NewDisposeScope();
        ScalarType type = hidden.dtype == ScalarType.Float16 ? ScalarType.Float32 : hidden.dtype;
        Tensor gradient = empty_like(hidden);
        Float32Gradient[] gradients = [.. parameters.Where(p => p.requires_grad).Select(p => new Float32Gradient(p))];
        for (long start = 0; start < hidden.size(0); start += chunk)
        {
            stop.ThrowIfCancellationRequested();
            using var piece = NewDisposeScope();
            long length = Math.Min(chunk, hidden.size(0) - start);
            Tensor leaf = hidden.narrow(0, start, length).to(type).detach().requires_grad_();
            Tensor scores = logits(leaf).to(ScalarType.Float32);
            Tensor loss = nn.functional.cross_entropy(scores, targets.narrow(0, start, length), reduction: nn.Reduction.Sum);
            if (zLossWeight != 0)
            {
                loss += zLossWeight * scores.max(1).values.square().sum();
            }
            CustomBackward.Rethrowing(() => (loss / divisor).backward());
            gradient.narrow(0, start, length).copy_(leaf.grad!);
            Array.ForEach(gradients, wide => wide.AddParameterGradient());
            total.add_(loss.detach());
        }
        Array.ForEach(gradients, wide => wide.Assign());
        return gradient.MoveToOuterDisposeScope();
    }
}
