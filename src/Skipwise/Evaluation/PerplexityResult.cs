namespace Skipwise.Evaluation;

/// <summary>Perplexity at one window length.</summary>
/// <param name="Window">W in tokens, BOS included</param>
/// <param name="Perplexity">exp(sum of losses / tokens), over the tokens of all documents</param>
/// <param name="StandardError">of the perplexity, over documents; null with fewer than two</param>
/// <param name="Count">tokens scored</param>
/// <param name="Documents">documents they come from</param>
public sealed record PerplexityResult(int Window, double Perplexity, double? StandardError, long Count, int Documents)
{
    /// <summary>From each document's summed loss and number of tokens.</summary>
    /// <remarks>
    /// The mean loss r = sum(L_d) / sum(n_d) is a ratio of two sums over documents. Its standard error is the ratio
    /// estimator's, sqrt(D / (D - 1) * sum((L_d - r n_d)^2)) / sum(n_d) (Cochran, Sampling Techniques, ch. 6), and the
    /// delta method carries it through the exponential: se(exp r) = exp(r) se(r).
    /// </remarks>
    public static PerplexityResult Over(int window, IReadOnlyList<(double Loss, long Tokens)> documents)
    {
        double loss = 0, squares = 0;
        long tokens = 0;
        foreach ((double documentLoss, long documentTokens) in documents)
        {
            loss += documentLoss;
            tokens += documentTokens;
        }
        double mean = loss / tokens, perplexity = Math.Exp(mean);
        foreach ((double documentLoss, long documentTokens) in documents)
        {
            squares += Math.Pow(documentLoss - mean * documentTokens, 2);
        }
        int count = documents.Count;
        double? error = count < 2 ? null : perplexity * Math.Sqrt((double)count / (count - 1) * squares) / tokens;
        return new(window, perplexity, error, tokens, count);
    }

    /// <summary>The JSON form of this result.</summary>
    /// <param name="model">name or folder of the model</param>
    public EvaluationRecord ToRecord(string model, PerplexityOptions options) => new()
    {
        Task = "perplexity",
        Metric = "perplexity",
        Length = Window,
        Value = Perplexity,
        StandardError = StandardError,
        Count = Count,
        Model = model,
        Settings = EvaluationJson.Settings(options, ("documents", Documents)),
    };
}
