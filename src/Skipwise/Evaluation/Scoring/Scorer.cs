using Skipwise.Inference;
using Skipwise.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Evaluation.Scoring;

/// <summary>Computes the loss of each token: -ln p(token | the tokens before it), in nats.</summary>
internal static class Scorer
{
    // B batch, L tokens of a window, T = L - 1 inputs, C hidden, V vocabulary

    /// <summary>
    /// The most tokens of one forward. Longer inputs are processed in chunks, which is slower (chunks need masks) but bounds the memory.
    /// Short windows are batched to half as many: enough for efficient matrix products, few enough for the processor's cache.
    /// </summary>
    internal static int TokensPerForward(CausalLM model) => model.Budget.ForwardTokens;

    /// <summary>
    /// The losses of the last tokens of equally long windows. Windows that fit one forward together take one. Longer ones are processed in
    /// chunks with a key/value cache, so memory grows linearly with the length.
    /// </summary>
    /// <param name="windows">B rows of L token ids each, BOS first</param>
    /// <param name="scored">tokens at each window's end to score, at most L - 1: nothing precedes the first</param>
    /// <param name="chunk">tokens per forward of windows that are processed in chunks; null: chosen by device</param>
    /// <returns>[B][scored], float32 from log-softmax; sum them in float64</returns>
    /// <remarks>For scalings that depend on the sequence length, the length is L.</remarks>
    public static float[][] Losses(
        CausalLM model, IReadOnlyList<int[]> windows, int scored, int? chunk = null, CancellationToken cancel = default)
    {
        int batch = windows.Count, length = windows[0].Length, inputs = length - 1, firstScored = inputs - scored;
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(scored);
        ArgumentOutOfRangeException.ThrowIfNegative(firstScored, nameof(scored));
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        Tensor ids = TokenTensor.Create(model, windows); // [B, L]
        Tensor targets = ids.narrow(1, 1, inputs);
        Tensor losses = empty([batch, scored], ScalarType.Float32, model.Device);
        bool isOneForward = (long)batch * inputs <= TokensPerForward(model);
        using KvCache? cache = isOneForward ? null : new KvCache(model.Config, batch, inputs, model.Dtype, model.Device);
        Prefill.Run(model, ids.narrow(1, 0, inputs), Prefill.Positions(0, inputs, model.Device), cache, length, chunk, (offset, hidden) =>
        {
            int skipped = Math.Max(0, firstScored - offset), count = (int)hidden.size(1) - skipped;
            if (count > 0)
            {
                Tensor chunkLosses = Losses(model, hidden.narrow(1, skipped, count), targets.narrow(1, offset + skipped, count));
                losses.narrow(1, offset + skipped - firstScored, count).copy_(chunkLosses);
            }
        }, cancel);
        float[] flat = losses.cpu().data<float>().ToArray();
        FiniteCheck.RequireFinite(model, flat, "losses");
        return [.. flat.Chunk(scored)];
    }

    /// <summary>The losses of the next tokens, given single hidden states.</summary>
    /// <param name="states">[n, C]</param>
    /// <param name="targets">n token ids</param>
    /// <returns>-ln p of each, and whether it is the most probable token</returns>
    internal static (float[] Losses, bool[] IsBest) ScoreTargets(CausalLM model, Tensor states, int[] targets)
    {
        using var scope = NewDisposeScope();
        Tensor labels = tensor(targets.Select(id => (long)id).ToArray(), dtype: ScalarType.Int64, device: model.Device);
        (List<float> losses, List<bool> best) = ([], []);
        int rows = RowsAtOnce(model);
        for (int start = 0; start < targets.Length; start += rows)
        {
            using var piece = NewDisposeScope();
            int count = Math.Min(rows, targets.Length - start);
            // [count, V]
            (Tensor logits, Tensor own) =
                (model.Logits(states.narrow(0, start, count)).to(ScalarType.Float32), labels.narrow(0, start, count));
            losses.AddRange(nn.functional.cross_entropy(logits, own, reduction: nn.Reduction.None).cpu().data<float>());
            best.AddRange(logits.argmax(-1).eq(own).cpu().data<bool>());
        }
        FiniteCheck.RequireFinite(model, losses.ToArray(), "losses");
        return ([.. losses], [.. best]);
    }

    /// <summary>The number of tokens whose logits are computed at a time, which bounds their memory.</summary>
    private static int RowsAtOnce(CausalLM model) => (int)Math.Max(1, model.Budget.MaxLogits / model.Config.VocabSize);

    /// <param name="hidden">[B, T, C]</param>
    /// <param name="targets">[B, T], the tokens that come next</param>
    /// <returns>[B, T]</returns>
    private static Tensor Losses(CausalLM model, Tensor hidden, Tensor targets)
    {
        using var scope = NewDisposeScope();
        Tensor states = hidden.reshape(-1, hidden.size(2)), labels = targets.reshape(-1);
        Tensor losses = empty([labels.size(0)], ScalarType.Float32, labels.device);
        int rows = RowsAtOnce(model);
        for (long start = 0; start < labels.size(0); start += rows)
        {
            using var piece = NewDisposeScope();
            long count = Math.Min(rows, labels.size(0) - start);
            Tensor logits = model.Logits(states.narrow(0, start, count)).to(ScalarType.Float32); // [count, V]
            losses.narrow(0, start, count)
                .copy_(nn.functional.cross_entropy(logits, labels.narrow(0, start, count), reduction: nn.Reduction.None));
        }
        return losses.view(targets.shape).MoveToOuterDisposeScope();
    }
}
