using Skipwise.TokenStores;

namespace Skipwise.Evaluation.Perplexity;

/// <summary>Decides which documents and windows are scored, and which windows share a forward. Pure.</summary>
internal static class PerplexityPlan
{
    /// <summary>The documents that are long enough, in their order, each with the length it is cut to (without BOS).</summary>
    /// <exception cref="SkipwiseException">no document is long enough</exception>
    public static IReadOnlyList<(int Document, int Length)> Documents(ITokenSource source, PerplexityOptions options)
    {
        int shortest = MinDocumentTokens(options);
        int longestSeen = 0;
        var chosen = new List<(int, int)>();
        for (int document = 0; document < source.Count && chosen.Count < (options.MaxDocuments ?? int.MaxValue); document++)
        {
            int length = source.LengthOf(document);
            longestSeen = Math.Max(longestSeen, length);
            length = options.MaxTokens is { } max ? Math.Min(length, max - 1) : length;
            if (length >= shortest)
            {
                chosen.Add((document, length));
            }
        }
        if (chosen.Count == 0)
        {
            throw new SkipwiseException(
                $"No document can be measured: {source.Count} documents, the longest has {longestSeen} tokens, and at least {shortest} " +
                $"are needed. " +
                "Give longer documents, or lower --min-tokens (or the number of target tokens).");
        }
        return chosen;
    }

    /// <summary>Tokens, without BOS, that a document needs to be measured.</summary>
    public static int MinDocumentTokens(PerplexityOptions options) =>
        Math.Max(Math.Max(1, options.MinTokens - 1), options.Mode == WindowMode.LastTokens ? options.ScoredTokens : 1);

    /// <param name="prefixesShare">
    /// truncated windows of a document are prefixes of one another, and so are their losses: one forward serves all.
    /// False when the rotation depends on the window's length.
    /// </param>
    public static IReadOnlyList<PlannedWindow> Windows(IReadOnlyList<(int Document, int Length)> documents, PerplexityOptions options,
        bool prefixesShare)
    {
        var plan = new List<PlannedWindow>();
        foreach ((int document, int length) in documents)
        {
            if (options.Mode == WindowMode.Truncate && prefixesShare)
            {
                ScoringWindow longest = Skipwise.Evaluation.Perplexity.ScoringWindows.Truncated(length, options.Windows.Max());
                plan.Add(new(document, longest, [.. options.Windows.Select((window, result) => (result, Math.Min(window - 1, length)))]));
                continue;
            }
            for (int result = 0; result < options.Windows.Count; result++)
            {
                foreach (ScoringWindow window in Of(length, options.Windows[result], options))
                {
                    plan.Add(new(document, window, [(result, window.Scored)]));
                }
            }
        }
        return plan;
    }

    /// <summary>Windows of equal length and equally many scored tokens, together. The longest come first: what does not fit memory fails at
    /// once.</summary>
    /// <param name="tokens">that make a forward worthwhile, when nobody says the batch's size</param>
    public static IEnumerable<PlannedWindow[]> Batches(IReadOnlyList<PlannedWindow> plan, int? batchSize, int tokens) => plan
        .GroupBy(planned => (planned.Window.Length, planned.Window.Scored))
        .OrderByDescending(group => group.Key)
        .SelectMany(group => group.Chunk(batchSize ?? Math.Max(1, tokens / group.Key.Length)));

    private static IEnumerable<ScoringWindow> Of(int documentLength, int windowLength, PerplexityOptions options) => options.Mode switch
    {
        WindowMode.Sliding =>
            Skipwise.Evaluation.Perplexity.ScoringWindows.Sliding(documentLength, windowLength, Math.Min(options.Stride, windowLength - 1)),
        WindowMode.Truncate => [Skipwise.Evaluation.Perplexity.ScoringWindows.Truncated(documentLength, windowLength)],
        _ => [Skipwise.Evaluation.Perplexity.ScoringWindows.LastTokens(documentLength, windowLength, options.ScoredTokens)],
    };
}
