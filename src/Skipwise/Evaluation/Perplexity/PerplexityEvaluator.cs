using Skipwise.Evaluation.Scoring;
using Skipwise.Models;
using Skipwise.TokenStores;

namespace Skipwise.Evaluation.Perplexity;

/// <summary>Evaluates perplexity on documents, by window length. <see cref="PerplexityPlan"/> chooses the windows and <see cref="Scorer"/>
/// computes the losses.</summary>
public static class PerplexityEvaluator
{
    /// <summary>Evaluates the model; one result per window length, in the order of the options.</summary>
    /// <param name="documents">token ids without BOS</param>
    /// <param name="bos">the id prepended to every window (without BOS: the end-of-text id)</param>
    /// <exception cref="SkipwiseException">a setting out of range, or no document long enough</exception>
    public static IReadOnlyList<PerplexityResult> Evaluate(
        CausalLM model, ITokenSource documents, int bos, PerplexityOptions options, IProgress<EvaluationProgress>? progress = null,
        CancellationToken cancel = default)
    {
        options.Validate();
        IReadOnlyList<(int Document, int Length)> chosen = PerplexityPlan.Documents(documents, options);
        IReadOnlyList<PlannedWindow> plan = PerplexityPlan.Windows(chosen, options, prefixesShare: !model.RotationDependsOnLength);
        long total = plan.Sum(planned => (long)planned.Window.Length), done = 0;

        LossAccumulator[] sums = [.. options.Windows.Select(window => new LossAccumulator(window, options.PositionBins ?? 1))];
        foreach (PlannedWindow[] batch in PerplexityPlan.Batches(plan, options.BatchSize, Scorer.TokensPerForward(model) / 2))
        {
            cancel.ThrowIfCancellationRequested();
            ScoringWindow first = batch[0].Window;
            int[][] windows = [.. batch.Select(planned => Tokens(documents[planned.Document], planned.Window, bos))];
            float[][] losses = Scorer.Losses(model, windows, first.Scored, cancel: cancel);
            for (int row = 0; row < batch.Length; row++)
            {
                // A prefix of the window's losses equals the losses of a shorter window.
                foreach ((int result, int count) in batch[row].Contributions)
                {
                    sums[result].Add(batch[row].Document, first.Length - first.Scored, losses[row].AsSpan(0, count));
                }
            }
            done += (long)batch.Length * first.Length;
            progress?.Report(new("perplexity", first.Length, done, total));
        }
        return [.. sums.Select(sum => sum.Result(options.PositionBins is not null))];
    }

    private static int[] Tokens(ReadOnlySpan<int> document, ScoringWindow window, int bos) => [bos, .. document[window.Begin..window.End]];
}
