using Skipwise.Kernels;
using Skipwise.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Training;

/// <summary>
/// Runs blocks one after the other, and their backwards one at a time. Every block has its own autograd graph, which is freed with all
/// saved tensors as soon as its backward is done. A recomputed block (gradient checkpointing, Chen et al. 2016) saves only its input and
/// runs its forward again by the same ops: the gradients are identical to the last bit.
/// </summary>
internal sealed class LayerwiseBackward : IDisposable
{
    private readonly Stack<SavedLayer> _steps = new();

    /// <param name="input">of the first block; a leaf is made of it</param>
    /// <param name="recomputeEvery">k: blocks 0, k, 2 k, ... are recomputed; 0: none</param>
    /// <returns>the last block's output, without a graph; it belongs to the caller's scope</returns>
    /// <exception cref="OperationCanceledException">before a block</exception>
    public Tensor Forward(IReadOnlyList<Block> blocks, Tensor input, int recomputeEvery, CancellationToken stop = default)
    {
        Tensor hidden = input;
        for (int i = 0; i < blocks.Count; i++)
        {
            stop.ThrowIfCancellationRequested();
            // A recomputed layer also runs with grad enabled, so that forward and recomputation use the same ops and agree bit for bit.
            using IDisposable? parameters = blocks[i].Gather();
            if (i + 1 < blocks.Count)
            {
                blocks[i + 1].GatherAhead();
            }
            Tensor leaf = hidden.detach().requires_grad_(hidden.requires_grad).DetachFromDisposeScope();
            Tensor output = blocks[i].Forward(leaf).DetachFromDisposeScope();
            // the last block is recomputed immediately: nothing is saved
            bool isRecomputed = recomputeEvery > 0 && i % recomputeEvery == 0 && i < blocks.Count - 1;
            hidden = output.detach().requires_grad_(output.requires_grad);
            if (isRecomputed)
            {
                output.Dispose();
            }
            _steps.Push(new(blocks[i], leaf, isRecomputed ? null : output));
        }
        return hidden;
    }

    /// <summary>Accumulates the gradients of every parameter.</summary>
    /// <param name="gradient">of the result of <see cref="Forward"/></param>
    /// <param name="onBackward">
    /// called once for every block, from the last to the first, when the gradients of its parameters are complete and none below is: they
    /// can then be reduced over processes while the next block computes. It is also called for blocks without gradients.
    /// </param>
    /// <returns>the gradient of the input, in the caller's scope; null if nothing below needs one</returns>
    /// <exception cref="OperationCanceledException">before a block; blocks below have no gradients then</exception>
    public Tensor? Backward(Tensor gradient, Action<Block>? onBackward = null, CancellationToken stop = default)
    {
        Tensor? inputGradient = gradient;
        while (_steps.TryPop(out SavedLayer? step))
        {
            using (step)
            {
                stop.ThrowIfCancellationRequested();
                Tensor? above = inputGradient;
                inputGradient = above is null ? null : Backward(step, above, _steps.TryPeek(out SavedLayer? next) ? next.Block : null);
                if (!ReferenceEquals(above, gradient))
                {
                    above?.Dispose();
                }
            }
            onBackward?.Invoke(step.Block);
        }
        return inputGradient;
    }

    /// <returns>the gradient of the step's input, in the caller's scope; null if nothing below the step's output needs one</returns>
    private static Tensor? Backward(SavedLayer step, Tensor gradient, Block? next)
    {
        using var scope = NewDisposeScope(); // for the tensors of custom backwards, which would else live as long as the whole step
        using IDisposable? parameters = step.Block.Gather();
        if (step.Input.requires_grad)
        {
            next?.GatherAhead();
        }
        Tensor output = step.Output ??= step.Block.Forward(step.Input).DetachFromDisposeScope();
        if (!output.requires_grad)
        {
            return null;
        }
        CustomBackward.Rethrowing(() => autograd.backward([output], [gradient]));
        return step.Input.grad?.MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        while (_steps.TryPop(out SavedLayer? step))
        {
            step.Dispose();
        }
    }

    private sealed record SavedLayer(Block Block, Tensor Input, Tensor? SavedOutput) : IDisposable
    {
        public Tensor? Output { get; set; } = SavedOutput;

        public void Dispose()
        {
            Output?.Dispose();
            Input.Dispose();
        }
    }
}
