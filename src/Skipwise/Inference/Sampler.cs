using Skipwise.Numerics;

namespace Skipwise.Inference;

/// <summary>Samples the next token from the model's logits. Pure: logits, options and a random generator in, an id out.</summary>
internal static class Sampler
{
    /// <summary>Samples one id: the most probable one (temperature 0), or after temperature, top-k and top-p in this order, as in Hugging
    /// Face.</summary>
    /// <param name="logits">[V]</param>
    public static int Sample(ReadOnlySpan<float> logits, GenerationOptions options, ref KeyedRandom rng)
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
        int kept = CutByTopP(weights, options);
        double threshold = rng.NextDouble() * Sum(weights.AsSpan(0, kept));
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

    /// <summary>All ids by descending logit; probabilities would tie if logits differ too little for their exponentials.</summary>
    private static int[] SortedByLogit(ReadOnlySpan<float> logits)
    {
        int[] ids = [.. Enumerable.Range(0, logits.Length)];
        Array.Sort(logits.ToArray(), ids);
        Array.Reverse(ids);
        return ids;
    }

    /// <summary>The number of weights to sample from by top-p; the weights descend if a limit is set.</summary>
    private static int CutByTopP(double[] weights, GenerationOptions options)
    {
        int kept = options.TopK > 0 ? Math.Min(options.TopK, weights.Length) : weights.Length;
        if (options.TopP >= 1)
        {
            return kept;
        }
        double wanted = options.TopP * Sum(weights.AsSpan(0, kept)), reached = 0;
        for (int i = 0; i < kept; i++)
        {
            reached += weights[i];
            if (reached >= wanted)
            {
                return i + 1; // the set includes the token that reaches the sum
            }
        }
        return kept;
    }

    private static int ArgMax(ReadOnlySpan<float> logits)
    {
        int best = 0;
        for (int id = 0; id < logits.Length; id++)
        {
            if (float.IsNaN(logits[id]))
            {
                throw new SkipwiseException(
                    $"The model's score of token {id} is not a number (NaN): its weights are damaged or training diverged. Check the " +
                    $"checkpoint with 'skipwise inspect'.");
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
