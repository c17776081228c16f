using Skipwise.TokenStores;

namespace Skipwise.Evaluation.Perplexity;

/// <summary>Chooses the documents and windows to score and the windows that share a forward. Pure.</summary>
internal static class PerplexityPlan
{
    /// <summary>The documents that are long enough, in their order, each with the length it is cut to (without BOS).</summary>
    /// <exception cref="SkipwiseException">no document is long enough</exception>
    public static IReadOnlyList<(int Document, int Length)> Documents(ITokenSource source, PerplexityOptions options) =>
        Documents(source, options, out _);

    /// <summary>Whether <see cref="PerplexityOptions.MaxTotalTokens"/> leaves out a part of the text.</summary>
    public static bool IsCut(ITokenSource source, PerplexityOptions options)
    {
        _ = Documents(source, options, out bool isCut);
        return isCut;
    }

    /// <summary>The tokens of a document, without BOS, that <see cref="PerplexityOptions.MaxTokens"/> keeps.</summary>
    public static int Cut(int length, PerplexityOptions options) => options.MaxTokens is { } max ? Math.Min(length, max - 1) : length;

    private static List<(int Document, int Length)> Documents(ITokenSource source, PerplexityOptions options, out bool isCut)
    {
        isCut = false;
        long room = TotalTokens(options);
        int shortest = MinDocumentTokens(options);
        int longestSeen = 0;
        var chosen = new List<(int Document, int Length)>();
        for (int document = 0; document < source.Count && chosen.Count < (options.MaxDocuments ?? int.MaxValue); document++)
        {
            int length = source.LengthOf(document);
            longestSeen = Math.Max(longestSeen, length);
            length = Cut(length, options);
            if (length < shortest)
            {
                continue;
            }
            if (chosen.Count > 0 && room < shortest)
            {
                isCut = true;
                break;
            }
            int taken = (int)Math.Min(length, Math.Max(room, shortest));
            isCut |= taken < length;
            room -= taken;
            chosen.Add((document, taken));
        }
        if (chosen.Count == 0)
        {
            throw new SkipwiseException(
                $"No document can be evaluated: {source.Count} documents, the longest has {longestSeen} tokens, and at least {shortest} " +
                $"are needed. " +
                $"Give longer documents, or lower {OptionName.Of(nameof(PerplexityOptions.MinTokens))} (or the number of target tokens).");
        }
        return chosen;
    }

    /// <summary>The most tokens of all documents together: only sliding windows read documents to their end.</summary>
    public static long TotalTokens(PerplexityOptions options) =>
        options.Mode == WindowMode.Sliding && options.MaxTotalTokens is { } limit ? limit : long.MaxValue;

    /// <summary>The tokens, without BOS, that a document needs at least to be evaluated.</summary>
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

    /// <summary>Batches of windows of equal length with equally many scored tokens. The longest come first, so that running out of memory
    /// happens early.</summary>
    /// <param name="tokens">tokens per forward if <paramref name="batchSize"/> is null</param>
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
