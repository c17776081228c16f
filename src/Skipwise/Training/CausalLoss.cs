using Skipwise.Data;
using Skipwise.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Training;

/// <summary>A micro-batch forward and back: next-token cross entropy, with the layers on a <see cref="LayerTape"/> and the head in chunks.</summary>
public static class CausalLoss
{
    // B batch, T tokens, M tokens with a label, C hidden, V vocabulary
    internal const long ScoresPerChunk = 1 << 24, TokensPerChunk = 512; // at most 64 MB in float32

    /// <summary>Adds the gradient of sum(loss) / <paramref name="divisor"/> to every parameter's.</summary>
    /// <param name="divisor">the labelled tokens of the whole optimizer step, so that accumulated micro-batches weigh by their tokens</param>
    /// <param name="checkpointEvery">k: layers 0, k, 2 k, ... are computed a second time instead of keeping what their backward needs; 0: none</param>
    /// <returns>the summed loss in nats, before the division: a 0-dim tensor (float64), so that the caller decides when to wait for the device</returns>
    public static Tensor Backward(CausalLM model, Batch batch, double divisor, int checkpointEvery = 0, long scoresPerChunk = ScoresPerChunk)
    {
        using var scope = NewDisposeScope();
        Tensor total = zeros([], ScalarType.Float64, model.Device);
        if (batch.Labels.numel() == 0)
        {
            return total.MoveToOuterDisposeScope();
        }
        using Rotary rotary = model.RotaryFor(batch.PositionIds, batch.Longest);
        using var tape = new LayerTape();
        Tensor embedded = model.Embed(batch.InputIds);
        Tensor hidden = tape.Forward(model.Blocks((int)batch.InputIds.size(1), rotary, batch.Documents), embedded, checkpointEvery);
        Tensor states = hidden.detach().flatten(0, 1).index_select(0, batch.LabelRows); // [M, C]
        long chunk = Math.Clamp(scoresPerChunk / model.Config.VocabSize, 1, TokensPerChunk);
        Tensor gradient = HeadLoss.Backward(model, states, batch.Labels, divisor, chunk, total);
        Tensor spread = zeros_like(hidden).requires_grad_(false);
        spread.view(-1, hidden.size(-1)).index_copy_(0, batch.LabelRows, gradient);
        if (tape.Backward(spread) is { } toEmbedding && embedded.requires_grad)
        {
            embedded.backward([toEmbedding]);
        }
        return total.MoveToOuterDisposeScope();
    }
}
