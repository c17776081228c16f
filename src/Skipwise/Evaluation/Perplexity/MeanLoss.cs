namespace Skipwise.Evaluation.Perplexity;

/// <summary>A mean loss in nats per token, over the tokens of several documents.</summary>
/// <param name="StandardError">over documents; null with fewer than two</param>
/// <param name="Count">tokens</param>
/// <param name="Documents">documents they come from</param>
public readonly record struct MeanLoss(double Mean, double? StandardError, long Count, int Documents)
{
    /// <summary>The mean from each document's summed loss and number of tokens.</summary>
    /// <remarks>
    /// The mean r = sum(L_d) / sum(n_d) is a ratio of two sums over documents. Its standard error is the ratio
    /// estimator's, sqrt(D / (D - 1) * sum((L_d - r n_d)^2)) / sum(n_d) (Cochran, Sampling Techniques, ch. 6).
    /// </remarks>
    public static MeanLoss FromDocuments(IReadOnlyList<(double Loss, long Tokens)> documents)
    {
        double loss = 0, squares = 0;
        long tokens = 0;
        foreach ((double documentLoss, long documentTokens) in documents)
        {
            loss += documentLoss;
            tokens += documentTokens;
        }
        double mean = loss / tokens;
        foreach ((double documentLoss, long documentTokens) in documents)
        {
            squares += Math.Pow(documentLoss - mean * documentTokens, 2);
        }
        int count = documents.Count;
        return new(mean, count < 2 ? null : Math.Sqrt((double)count / (count - 1) * squares) / tokens, tokens, count);
    }

    /// <summary>
    /// Each document's contribution to the mean, to first order: r + D (L_d - r n_d) / sum(n_d). The contributions' mean is r, and the
    /// standard error of their mean is the ratio estimator's.
    /// </summary>
    public double[] Samples(IReadOnlyList<(double Loss, long Tokens)> documents)
    {
        (double mean, double scale) = (Mean, (double)Documents / Count);
        return [.. documents.Select(document => mean + (scale * (document.Loss - (mean * document.Tokens))))];
    }
}
