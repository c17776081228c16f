using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Skipwise.Distributed;
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
    /// <param name="ranks">those that evaluate together, all by this call on the same; each gets the results. They divide the batches.
    /// Null: this process alone</param>
    /// <exception cref="SkipwiseException">a setting out of range, or no document long enough</exception>
    public static IReadOnlyList<PerplexityResult> Evaluate(
        CausalLM model, ITokenSource documents, int bos, PerplexityOptions options, IProgress<EvaluationProgress>? progress = null,
        ICollective? ranks = null, CancellationToken cancel = default)
    {
        options.Validate();
        IReadOnlyList<(int Document, int Length)> chosen = PerplexityPlan.Documents(documents, options);
        IReadOnlyList<PlannedWindow> plan = PerplexityPlan.Windows(chosen, options, prefixesShare: !model.RotationDependsOnLength);
        long total = plan.Sum(planned => (long)planned.Window.Length), done = 0;

        LossAccumulator[] sums = [.. options.Windows.Select(window => new LossAccumulator(window, options.PositionBins ?? 1))];
        PlannedWindow[][] batches = [.. PerplexityPlan.Batches(plan, options.BatchSize, Scorer.TokensPerForward(model) / 2)];
        ICollective all = ranks ?? SingleProcess.Instance;
        all.RequireSame("the windows", () => Identity(batches, documents, bos), cancel);
        // In their order: a document's losses are summed in it.
        foreach ((int number, float[][] losses) in Spread.Run(all, batches.Length, count => Spread.InTurn(batches.Length, count),
            number => Losses(batches[number]), cancel))
        {
            PlannedWindow[] batch = batches[number];
            ScoringWindow first = batch[0].Window;
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

        float[][] Losses(PlannedWindow[] batch)
        {
            cancel.ThrowIfCancellationRequested();
            return Scorer.Losses(model, [.. batch.Select(planned => Tokens(documents[planned.Document], planned.Window, bos))],
                batch[0].Window.Scored, cancel: cancel);
        }
    }

    private static string Identity(PlannedWindow[][] batches, ITokenSource documents, int bos)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (PlannedWindow[] batch in batches)
        {
            foreach ((int document, ScoringWindow window, _) in batch)
            {
                int[] numbers = [batch.Length, document, window.Begin, window.End, window.Scored, bos];
                hash.AppendData(MemoryMarshal.AsBytes(numbers.AsSpan()));
                hash.AppendData(MemoryMarshal.AsBytes(documents[document][window.Begin..window.End]));
            }
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static int[] Tokens(ReadOnlySpan<int> document, ScoringWindow window, int bos) => [bos, .. document[window.Begin..window.End]];
}
