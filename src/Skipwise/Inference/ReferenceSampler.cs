namespace Skipwise.Inference;

/// <summary>
/// The reference implementation of <see cref="Sampler"/>: one row at a time, on the host, in the order of the definition. Pure.
/// </summary>
internal static class ReferenceSampler
{
    /// <summary>Samples one id: the most probable one (temperature 0), or after temperature, top-k, top-p and min-p in this order, as in
    /// Hugging Face.</summary>
    /// <param name="logits">[V], at least one finite, none +inf</param>
    /// <param name="uniform">in [0, 1)</param>
    /// <exception cref="SkipwiseException">a logit is NaN</exception>
    public static int Sample(ReadOnlySpan<float> logits, GenerationOptions options, double uniform)
    {
        int best = ArgMax(logits);
        if (options.Temperature == 0 || options.TopK == 1)
        {
            return best;
        }
        int[] ids = options.TopK > 0 || options.TopP < 1 ? SortedByLogit(logits) : [.. Enumerable.Range(0, logits.Length)];
        var weights = new double[ids.Length]; // probabilities up to a common factor; the most probable token has weight 1
        for (int i = 0; i < ids.Length; i++)
        {
            weights[i] = Math.Exp((logits[ids[i]] - (double)logits[best]) / options.Temperature);
        }
        int kept = CutByTopP(weights.AsSpan(0, CutByTopK(logits, ids, options)), options);
        for (int i = 0; i < kept; i++)
        {
            weights[i] = weights[i] < options.MinP ? 0 : weights[i];
        }
        double threshold = uniform * Sum(weights.AsSpan(0, kept));
        for (int i = 0; i < kept; i++)
        {
            threshold -= weights[i];
            if (threshold < 0)
            {
                return ids[i];
            }
        }
        return ids[Array.FindLastIndex(weights, kept - 1, weight => weight > 0)]; // rounding used up the last weight
    }

    /// <summary>The error that a logit is NaN.</summary>
    public static SkipwiseException NotANumber(int id) => new(
        $"The model's score of token {id} is not a number (NaN): its weights are damaged or training diverged. Check the " +
        $"checkpoint with 'skipwise inspect model'.");

    /// <summary>All ids by descending logit, equal ones by id; probabilities would tie if logits differ too little for their
    /// exponentials.</summary>
    private static int[] SortedByLogit(ReadOnlySpan<float> logits)
    {
        float[] values = logits.ToArray();
        return [.. Enumerable.Range(0, values.Length).OrderByDescending(id => values[id])];
    }

    /// <summary>The number of ids to sample from by top-k: k, and those whose logits equal the k-th.</summary>
    private static int CutByTopK(ReadOnlySpan<float> logits, int[] ids, GenerationOptions options)
    {
        int kept = options.TopK > 0 ? Math.Min(options.TopK, ids.Length) : ids.Length;
        while (kept < ids.Length && logits[ids[kept]] == logits[ids[kept - 1]])
        {
            kept++;
        }
        return kept;
    }

    /// <summary>The number of weights to sample from by top-p; the weights descend if a limit is set.</summary>
    private static int CutByTopP(ReadOnlySpan<double> weights, GenerationOptions options)
    {
        if (options.TopP >= 1)
        {
            return weights.Length;
        }
        double wanted = options.TopP * Sum(weights), reached = 0;
        for (int i = 0; i < weights.Length; i++)
        {
            reached += weights[i];
            if (reached >= wanted)
            {
                return i + 1; // the set includes the token that reaches the sum
            }
        }
        return weights.Length;
    }

    private static int ArgMax(ReadOnlySpan<float> logits)
    {
        int best = 0;
        for (int id = 0; id < logits.Length; id++)
        {
            if (float.IsNaN(logits[id]))
            {
                throw NotANumber(id);
            }
            if (logits[id] > logits[best])
            {
                best = id;
            }
        }
        return best;
    }

    private static double Sum(ReadOnlySpan<double> values)
    {
        double sum = 0;
        foreach (double value in values)
        {
            sum += value;
        }
        return sum;
    }
}
