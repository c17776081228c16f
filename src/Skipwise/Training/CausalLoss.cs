using Skipwise.Data;
using Skipwise.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Training;

/// <summary>
/// Next-token cross entropy in chunks of tokens: the scores of all tokens, [B T, V], never exist at once. Each chunk's
/// gradient is taken on its own and gathered in the hidden states, which then run backward once. A model with a z-loss
/// (<see cref="DecoderConfig.ZLossWeight"/>) adds it for every labelled token: it keeps the largest score small.
/// </summary>
public static class CausalLoss
{
    // B batch, T tokens, M tokens with a label, C hidden, V vocabulary
    internal const long ScoresPerChunk = 1 << 24; // 64 MB in float32

    /// <summary>Adds the gradient of sum(loss) / <paramref name="divisor"/> to every parameter's.</summary>
    /// <param name="divisor">the labelled tokens of the whole optimizer step, so that accumulated micro-batches weigh by their tokens</param>
    /// <returns>the summed loss in nats, z-loss included, before the division: a 0-dim tensor (float64), so that the caller decides when to wait for the device</returns>
    public static Tensor Backward(CausalLM model, Batch batch, double divisor, long scoresPerChunk = ScoresPerChunk)
    {
        using var scope = NewDisposeScope();
        using Rotary rotary = model.RotaryFor(batch.PositionIds, (int)batch.InputIds.size(1));
        Tensor hidden = model.Hidden(batch.InputIds, rotary);
        (Tensor rows, Tensor targets) = Labelled(batch.Labels);
        Tensor total = zeros([], ScalarType.Float64, hidden.device);
        if (rows.numel() == 0)
        {
            return total.MoveToOuterDisposeScope();
        }
        Tensor predicting = hidden.flatten(0, 1).index_select(0, rows); // [M, C]
        Tensor leaf = predicting.detach().requires_grad_();
        long chunk = Math.Max(1, scoresPerChunk / model.Config.VocabSize);
        for (long start = 0; start < rows.numel(); start += chunk)
        {
            using var chunkScope = NewDisposeScope();
            long length = Math.Min(chunk, rows.numel() - start);
            Tensor scores = model.Logits(leaf.narrow(0, start, length)).to(ScalarType.Float32);
            Tensor loss = nn.functional.cross_entropy(scores, targets.narrow(0, start, length), reduction: nn.Reduction.Sum);
            if (model.Config.ZLossWeight != 0)
            {
                loss += model.Config.ZLossWeight * scores.max(1).values.square().sum();
            }
            (loss / divisor).backward();
            total.add_(loss.detach());
        }
        predicting.backward([leaf.grad!]);
        return total.MoveToOuterDisposeScope();
    }

    /// <summary>How many tokens of the examples count: every label but the first of a row, which nothing predicts.</summary>
    public static long CountLabels(IEnumerable<TrainingExample> examples) =>
        examples.Sum(e => (long)e.Labels.Skip(1).Count(label => label != TrainingExample.IgnoredLabel));

    /// <summary>Flat indices [M] of the tokens that predict a label, and those labels [M]: Labels[t] is predicted from token t - 1.</summary>
    private static (Tensor Rows, Tensor Targets) Labelled(Tensor labels)
    {
        Tensor ignored = full([labels.size(0), 1], TrainingExample.IgnoredLabel, labels.dtype, labels.device);
        Tensor next = cat([labels.narrow(1, 1, labels.size(1) - 1), ignored], 1).flatten();
        Tensor rows = next.ne(TrainingExample.IgnoredLabel).nonzero().flatten();
        return (rows, next.index_select(0, rows));
    }
}
