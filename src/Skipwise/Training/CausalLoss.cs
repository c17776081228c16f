using Skipwise.Data;
using Skipwise.Kernels;
using Skipwise.Models;
using Skipwise.Models.Lora;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Training;

/// <summary>
/// Forward and backward of a micro-batch: next-token cross entropy, with a <see cref="LayerwiseBackward"/> and the head in chunks.
/// </summary>
public static class CausalLoss
{
    // B batch, T tokens, M tokens with a label, C hidden, V vocabulary

    /// <summary>Adds the gradient of sum(loss) / <paramref name="divisor"/> to every parameter's gradient.</summary>
    /// <param name="divisor">labelled tokens of the whole optimizer step, so that accumulated micro-batches weigh by their tokens</param>
    /// <param name="recomputeEvery">
    /// k: layers 0, k, 2 k, ... are recomputed in the backward (gradient checkpointing); 0: none; quantized weights on a GPU raise it to 1
    /// </param>
    /// <exception cref="SkipwiseException">an id or label outside the model's vocabulary: it would be read out of bounds</exception>
    /// <returns>
    /// the summed loss in nats, not divided: a 0-dim tensor (float64), so that the caller decides when to synchronize with the device
    /// </returns>
    public static Tensor Backward(CausalLM model, Batch batch, double divisor, int recomputeEvery = 0, long? logitsPerChunk = null) =>
        Backward(model, batch, divisor, recomputeEvery, logitsPerChunk, onBackward: null);

    /// <param name="onBackward">
    /// called once for every block of the model when its parameters' gradients of this micro-batch are complete: the head, the
    /// layers from the last to the first with the norm before them, the embedding. A batch without labels calls it only where
    /// parameters are divided among ranks
    /// </param>
    /// <param name="stop">looked at before every layer and every chunk of the head</param>
    /// <exception cref="OperationCanceledException">the gradients are incomplete then</exception>
    /// <inheritdoc cref="Backward(CausalLM, Batch, double, int, long?)"/>
    internal static Tensor Backward(CausalLM model, Batch batch, double divisor, int recomputeEvery, long? logitsPerChunk,
        Action<Block>? onBackward, CancellationToken stop = default)
    {
        using var scope = NewDisposeScope();
        Tensor total = zeros([], ScalarType.Float64, model.Device);
        if (batch.Labels.numel() == 0 && model.Residence is null)
        {
            return total.MoveToOuterDisposeScope();
        }
        // an autograd graph would keep the parameters of its layer in place
        recomputeEvery = model.Residence is not null ? 1
            : KernelSet.For(model.Device, model.Dtype).RecomputeEvery(recomputeEvery, () => LoraInjector.IsQuantized(model));
        if (batch.MaxTokenId >= model.Config.VocabSize)
        {
            throw new SkipwiseException(
                $"A training example holds token id {batch.MaxTokenId}, but the model's vocabulary has {model.Config.VocabSize} ids: " +
                "the data does not belong to this model. Tokenise the text with the tokenizer from the model's own folder.");
        }
        using Rotary rotary = RotaryFor(model, batch);
        Tensor embedded = model.Embed(batch.InputIds);
        IReadOnlyList<Block> blocks = model.Blocks((int)batch.InputIds.size(1), rotary, batch.DocumentLengths);
        if (batch.Labels.numel() == 0)
        {
            ExchangeAlike(model, blocks, embedded.requires_grad, onBackward);
            return total.MoveToOuterDisposeScope();
        }
        if (BackwardThroughLayers(model, blocks, embedded, batch, divisor, recomputeEvery, logitsPerChunk, total, onBackward, stop)
            is { } toEmbedding && embedded.requires_grad)
        {
            embedded.backward([toEmbedding]);
        }
        onBackward?.Invoke(model.EmbeddingBlock);
        return total.MoveToOuterDisposeScope();
    }

    /// <summary>Takes part in what other ranks gather and reduce in a forward and backward pass after the embedding, in their
    /// order.</summary>
    /// <param name="trainsEmbedding">gradients go down to the embedding, not only to the lowest block with trained parameters</param>
    private static void ExchangeAlike(
        CausalLM model, IReadOnlyList<Block> blocks, bool trainsEmbedding, Action<Block>? onBackward)
    {
        GatherInTurn(blocks, null);
        using (model.GatherHead()) { }
        onBackward?.Invoke(model.HeadBlock);
        int lowest = trainsEmbedding ? 0
            : blocks.TakeWhile(block => block.Parameters.All(parameter => !parameter.Parameter.requires_grad)).Count();
        lowest = Math.Min(lowest, blocks.Count - 1); // the last one looks whether it has a gradient
        GatherInTurn([.. blocks.Skip(lowest).Reverse()], onBackward);
        foreach (Block below in blocks.Take(lowest).Reverse())
        {
            onBackward?.Invoke(below);
        }
        onBackward?.Invoke(model.EmbeddingBlock);
    }

    private static void GatherInTurn(IReadOnlyList<Block> blocks, Action<Block>? then)
    {
        for (int i = 0; i < blocks.Count; i++)
        {
            using (blocks[i].Gather())
            {
                if (i + 1 < blocks.Count)
                {
                    blocks[i + 1].GatherAhead();
                }
            }
            then?.Invoke(blocks[i]);
        }
    }

    /// <summary>The rotation of a training step's batch.</summary>
    internal static Rotary RotaryFor(CausalLM model, Batch batch) => model.RotaryFor(batch.PositionIds, batch.SequenceLength);

    /// <summary>Forward from the embedding to the loss, and backward.</summary>
    /// <param name="embedded">[B, T, C]</param>
    /// <param name="batch">only its labels are read</param>
    /// <param name="total">the summed loss is added to it</param>
    /// <returns>the embedding's gradient; null if nothing below the head needs one</returns>
    internal static Tensor? BackwardThroughLayers(
        CausalLM model, IReadOnlyList<Block> blocks, Tensor embedded, Batch batch, double divisor, int recomputeEvery,
        long? logitsPerChunk, Tensor total, Action<Block>? onBackward, CancellationToken stop)
    {
        using var scope = NewDisposeScope();
        using var layers = new LayerwiseBackward();
        Tensor hidden = layers.Forward(blocks, embedded, recomputeEvery, stop);
        Tensor toHidden = HeadGradient(model, hidden, batch, divisor, logitsPerChunk, total, stop);
        onBackward?.Invoke(model.HeadBlock);
        return layers.Backward(toHidden, onBackward, stop)?.MoveToOuterDisposeScope();
    }

    /// <returns>gradient of the loss with respect to the hidden states [B, T, C]; the head's is added to its own</returns>
    internal static Tensor HeadGradient(CausalLM model, Tensor hidden, Batch batch, double divisor, long? logitsPerChunk, Tensor total,
        CancellationToken stop = default)
    {
        using var scope = NewDisposeScope();
        using IDisposable? parameters = model.GatherHead();
        Tensor states = hidden.detach().flatten(0, 1).index_select(0, batch.LabelIndices); // [M, C]
        long chunk = Math.Clamp((logitsPerChunk ?? model.Budget.MaxLogits) / model.Config.VocabSize, 1, model.Budget.HeadTokens);
        Tensor gradient = LinearCrossEntropy.Backward(model, states, batch.Labels, divisor, chunk, total, stop);
        Tensor spread = zeros_like(hidden).requires_grad_(false);
        spread.view(-1, hidden.size(-1)).index_copy_(0, batch.LabelIndices, gradient);
        return spread.MoveToOuterDisposeScope();
    }
}
