using Skipwise.Numerics;

namespace Skipwise.Inference;

/// <summary>Chooses the next token from the model's scores. Pure: scores, settings and a random generator in, an id out.</summary>
public static class Sampler
{
    /// <summary>One id: the best (temperature 0), or drawn after temperature, then top-k, then top-p, in this order as in Hugging Face.</summary>
    /// <param name="logits">scores of the whole vocabulary [V]</param>
    public static int Sample(ReadOnlySpan<float> logits, GenerationOptions options, ref KeyedRandom rng)
    {
        int best = ArgMax(logits);
        if (options.Temperature == 0 || options.TopK == 1)
        {
            return best;
        }
        int[] ids = options.TopK > 0 || options.TopP < 1 ? SortedByLogit(logits) : [.. Enumerable.Range(0, logits.Length)];
        var weights = new double[ids.Length]; // probabilities up to a common factor; the best has weight 1
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

    /// <summary>All ids by falling score: probabilities would tie where scores differ too little for their exponentials.</summary>
    private static int[] SortedByLogit(ReadOnlySpan<float> logits)
    {
        int[] ids = [.. Enumerable.Range(0, logits.Length)];
        Array.Sort(logits.ToArray(), ids);
        Array.Reverse(ids);
        return ids;
    }

    /// <summary>How many of the weights, which fall when a limit is set, to draw from.</summary>
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
                return i + 1; // the token that reaches the sum belongs to the set
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
                    $"The model's score of token {id} is not a number (NaN): its weights are damaged or training diverged. Check the checkpoint with 'skipwise inspect'.");
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
