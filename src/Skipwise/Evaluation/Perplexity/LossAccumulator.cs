namespace Skipwise.Evaluation.Perplexity;

/// <summary>Sums the losses of one window length by document and by part of the window.</summary>
/// <param name="window">W: positions 1..W - 1 are scored</param>
/// <param name="parts">number of equal parts of the window; 1 if positions do not matter</param>
internal sealed class LossAccumulator(int window, int parts)
{
    // sorted: sums must not depend on the order of the batches
    private readonly SortedDictionary<int, (double Loss, long Tokens)[]> _documents = [];

    /// <summary>Adds the losses of consecutive tokens.</summary>
    /// <param name="firstPosition">position of the first of them in the window; BOS is at 0</param>
    public void Add(int document, int firstPosition, ReadOnlySpan<float> losses)
    {
        if (!_documents.TryGetValue(document, out (double Loss, long Tokens)[]? sums))
        {
            _documents[document] = sums = new (double, long)[parts];
        }
        for (int i = 0; i < losses.Length; i++)
        {
            ref (double Loss, long Tokens) sum = ref sums[PartOf(firstPosition + i)];
            sum = (sum.Loss + losses[i], sum.Tokens + 1);
        }
    }

    /// <summary>The perplexity over all tokens, and the loss by position if there are parts.</summary>
    public PerplexityResult Result(bool byPosition) =>
        PerplexityResult.FromDocuments(window,
            [.. _documents.Values.Select(sums => (sums.Sum(sum => sum.Loss), sums.Sum(sum => sum.Tokens)))]) with
        {
            ByPosition = byPosition ? [.. Enumerable.Range(0, parts).Select(Part).OfType<PositionLoss>()] : [],
        };

    private PositionLoss? Part(int part)
    {
        (double, long)[] documents = [.. _documents.Values.Select(sums => sums[part]).Where(sum => sum.Tokens > 0)];
        return documents.Length > 0 ? new(FirstOf(part), FirstOf(part + 1) - 1, MeanLoss.FromDocuments(documents)) : null;
    }

    private int PartOf(int position) => (int)((long)(position - 1) * parts / (window - 1));

    /// <summary>The smallest position with that part: 1 + ceil(part (W - 1) / parts).</summary>
    private int FirstOf(int part) => 1 + (int)((((long)part * (window - 1)) + parts - 1) / parts);
}
