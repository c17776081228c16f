using Skipwise.Kernels;
using Skipwise.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Training;

/// <summary>
/// Runs blocks one after the other, and back through them one at a time. Every block has an autograd graph of its own, which is freed
/// with all it kept as soon as its backward is done. A checkpointed block keeps its input alone and is computed a second time, by the
/// same operations: the gradients are the same to the last bit (Chen et al. 2016).
/// </summary>
internal sealed class LayerwiseBackward : IDisposable
{
    private readonly Stack<SavedLayer> _steps = new();

    /// <param name="input">the first block's; a leaf is made of it</param>
    /// <param name="recomputeEvery">k: blocks 0, k, 2 k, ... are checkpointed; 0: none</param>
    /// <returns>the last block's output, without a graph; it belongs to the caller's scope</returns>
    public Tensor Forward(IReadOnlyList<Block> blocks, Tensor input, int recomputeEvery)
    {
        Tensor hidden = input;
        for (int i = 0; i < blocks.Count; i++)
        {
            // With a graph also where it is dropped at once: so both computations take the same operations.
            Tensor leaf = hidden.detach().requires_grad_(hidden.requires_grad).DetachFromDisposeScope();
            Tensor output = blocks[i].Forward(leaf).DetachFromDisposeScope();
            // the last is recomputed at once: nothing is saved
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

    /// <summary>Adds every parameter's gradient to it.</summary>
    /// <param name="gradient">of <see cref="Forward"/>'s result</param>
    /// <param name="onBackward">
    /// called once for every block, the last first, when the gradients of its parameters are complete and none below is: there they can be
    /// reduced over processes while the next block computes. Blocks below the last parameter that is trained have no gradients, and are
    /// told of all the same.
    /// </param>
    /// <returns>the gradient of its input, in the caller's scope; null if nothing below asks for one</returns>
    public Tensor? Backward(Tensor gradient, Action<Block>? onBackward = null)
    {
        Tensor? flowing = gradient;
        while (_steps.TryPop(out SavedLayer? step))
        {
            using (step)
            {
                Tensor? above = flowing;
                flowing = above is null ? null : Backward(step, above);
                if (!ReferenceEquals(above, gradient))
                {
                    above?.Dispose();
                }
            }
            onBackward?.Invoke(step.Block);
        }
        return flowing;
    }

    /// <returns>the gradient of the step's input, in the caller's scope; null if nothing below the step's output asks for one</returns>
    private static Tensor? Backward(SavedLayer step, Tensor gradient)
    {
        using var scope = NewDisposeScope(); // what the blocks' own backwards hand to the engine belongs to it, else to the whole step's
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
