using Skipwise.Generation;
using Skipwise.Models;
using Skipwise.Rope;
using Skipwise.Text;

namespace Skipwise.Evaluation;

/// <summary>Perplexity of a model on documents, by window length. <see cref="PerplexityPlan"/> decides, <see cref="Scorer"/> computes, this adds up.</summary>
public static class Perplexity
{
    /// <summary>One result per window length, in the order of the options.</summary>
    /// <param name="documents">token ids without BOS</param>
    /// <param name="bos">the id put before every window (a model without BOS: its end-of-text id)</param>
    /// <exception cref="SkipwiseException">a setting out of range, or no document long enough</exception>
    public static IReadOnlyList<PerplexityResult> Measure(
        CausalLM model, ITokenSource documents, int bos, PerplexityOptions options, IProgress<EvaluationProgress>? progress = null, CancellationToken cancel = default)
    {
        options.Validate();
        IReadOnlyList<(int Document, int Length)> chosen = PerplexityPlan.Documents(documents, options);
        bool dependsOnLength = model.Config.Rope.Type is RopeType.DynamicNtk or RopeType.LongRope;
        IReadOnlyList<PlannedWindow> plan = PerplexityPlan.Windows(chosen, options, prefixesShare: !dependsOnLength);
        long total = plan.Sum(planned => (long)planned.Window.Length), done = 0;

        var sums = options.Windows.Select(_ => chosen.ToDictionary(document => document.Document, _ => (Loss: 0.0, Tokens: 0L))).ToArray();
        foreach (PlannedWindow[] batch in PerplexityPlan.Batches(plan, options.BatchSize))
        {
            cancel.ThrowIfCancellationRequested();
            Window first = batch[0].Window;
            int[][] windows = [.. batch.Select(planned => Tokens(documents[planned.Document], planned.Window, bos))];
            float[][] losses = Scorer.Losses(model, windows, first.Scored, Prefill.DefaultChunk, cancel);
            for (int row = 0; row < batch.Length; row++)
            {
                Add(sums, batch[row], losses[row]);
            }
            done += (long)batch.Length * first.Length;
            progress?.Report(new("perplexity", first.Length, done, total));
        }
        return [.. options.Windows.Select((window, result) => PerplexityResult.Over(window, [.. chosen.Select(document => sums[result][document.Document])]))];
    }

    private static int[] Tokens(ReadOnlySpan<int> document, Window window, int bos) => [bos, .. document[window.Begin..window.End]];

    private static void Add(Dictionary<int, (double Loss, long Tokens)>[] sums, PlannedWindow planned, float[] losses)
    {
        foreach ((int result, int count) in planned.Shares)
        {
            double loss = 0;
            foreach (float tokenLoss in losses.AsSpan(0, count))
            {
                loss += tokenLoss;
            }
            (double Loss, long Tokens) sum = sums[result][planned.Document];
            sums[result][planned.Document] = (sum.Loss + loss, sum.Tokens + count);
        }
    }
}
