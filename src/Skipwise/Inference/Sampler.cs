using Skipwise.Runtime;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Inference;

/// <summary>
/// Samples the next tokens of a batch from the model's logits, on their device: the most probable ones (temperature 0), or after
/// temperature, top-k, top-p and min-p in this order, as in Hugging Face. <see cref="ReferenceSampler"/> defines the result.
/// </summary>
/// <remarks>
/// A row is the inverse of its distribution function at a number of its own, so it does not depend on the others. Probabilities are
/// computed in float64: they differ from the reference's by the last bits of the exponentials. Tokens are taken by descending logit, equal
/// ones by id. A vocabulary is not sorted: top-p tries the most probable tokens first, and only as many as its sum needs.
/// </remarks>
internal sealed class Sampler(GenerationOptions options)
{
    // B batch, V vocabulary, N candidates: the tokens with the largest logits, or all
    private const int FirstCandidates = 1024, Growth = 8;

    /// <summary>Whether an id does not depend on its random number.</summary>
    private bool IsGreedy => options.Temperature == 0 || options.TopK == 1;

    /// <summary>Samples one id per row.</summary>
    /// <param name="logits">float32 [B, V]; in each row at least one finite, none +inf</param>
    /// <param name="uniforms">B random numbers in [0, 1); not read at temperature 0</param>
    /// <returns>
    /// int64 [B], for <see cref="Read"/>: a row with a NaN has -1 - id of that logit: sampling itself does not wait for the device
    /// </returns>
    public Tensor Sample(Tensor logits, ReadOnlySpan<double> uniforms)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        Tensor best = logits.argmax(-1, keepdim: true), largest = logits.gather(-1, best); // [B, 1]; NaN is larger than any number
        Tensor ids = IsGreedy ? best : Draw(logits, largest, HostToDevice.Copy(tensor(uniforms.ToArray()), logits.device).unsqueeze(-1));
        return where(largest.isnan(), -1 - best, ids).squeeze(-1).MoveToOuterDisposeScope();
    }

    /// <summary>Copies sampled ids to the host.</summary>
    /// <param name="sampled">result of <see cref="Sample"/></param>
    /// <exception cref="SkipwiseException">a logit is NaN</exception>
    public static int[] Read(Tensor sampled)
    {
        using Tensor host = sampled.to(ScalarType.Int32).cpu();
        int[] ids = host.data<int>().ToArray();
        return ids.FirstOrDefault(id => id < 0) is var missing and < 0 ? throw ReferenceSampler.NotANumber(-1 - missing) : ids;
    }

    /// <param name="largest">largest logit of each row [B, 1]</param>
    /// <param name="uniforms">float64 [B, 1]</param>
    /// <returns>int64 [B, 1]</returns>
    private Tensor Draw(Tensor logits, Tensor largest, Tensor uniforms)
    {
        int vocabulary = (int)logits.size(-1);
        if (options.TopK == 0 && options.TopP >= 1)
        {
            Tensor weights = Weights(logits, largest);
            Tensor all = (options.MinP > 0 ? weights.masked_fill_(weights.lt(options.MinP), 0) : weights).cumsum(-1);
            return Invert(all, all.narrow(-1, vocabulary - 1, 1), uniforms);
        }
        (Tensor values, Tensor ids, Tensor cumulative, Tensor total) = options.TopK > 0 ? TopK(logits, largest) : TopP(logits, largest);
        if (options.TopP < 1)
        {
            // includes the token that reaches the sum
            Tensor last = searchsorted(cumulative, total * options.TopP, right: false).clamp_max(cumulative.size(-1) - 1);
            total = cumulative.gather(-1, last);
        }
        if (options.MinP > 0)
        {
            Tensor kept = Weights(values, largest).ge(options.MinP).sum(-1, keepdim: true); // they descend from 1
            total = minimum(total, cumulative.gather(-1, (kept - 1).clamp_min(0)));
        }
        return ids.gather(-1, Invert(cumulative, total, uniforms));
    }

    /// <returns>logits and ids [B, N] to choose from, their cumulative weights, and the weight of all [B, 1]</returns>
    private (Tensor Values, Tensor Ids, Tensor Cumulative, Tensor Total) TopK(Tensor logits, Tensor largest)
    {
        (Tensor values, Tensor ids) = Largest(logits, options.TopK);
        Tensor cumulative = CumulativeWeights(values, largest);
        return (values, ids, cumulative, cumulative.narrow(-1, cumulative.size(-1) - 1, 1));
    }

    /// <returns>as <see cref="TopK"/>: as many ids as reach the sum</returns>
    private (Tensor Values, Tensor Ids, Tensor Cumulative, Tensor Total) TopP(Tensor logits, Tensor largest)
    {
        Tensor total = Weights(logits, largest).sum(-1, keepdim: true);
        for (int count = FirstCandidates; ; count = (int)Math.Min((long)count * Growth, logits.size(-1)))
        {
            (Tensor values, Tensor ids) = Largest(logits, count);
            Tensor cumulative = CumulativeWeights(values, largest), reached = cumulative.narrow(-1, cumulative.size(-1) - 1, 1);
            if (count >= logits.size(-1))
            {
                return (values, ids, cumulative, reached);
            }
            if (reached.ge(total * options.TopP).all().ToBoolean())
            {
                return (values, ids, cumulative, total);
            }
        }
    }

    /// <summary>The k largest logits of each row, and those that equal the k-th, in descending order, equal ones by id.</summary>
    /// <returns>values and ids [B, N]; -inf fills rows with fewer such logits than others</returns>
    private static (Tensor Values, Tensor Ids) Largest(Tensor logits, int k)
    {
        if (k >= logits.size(-1))
        {
            return logits.sort(-1, descending: true, stable: true);
        }
        (Tensor values, Tensor ids) = logits.topk(k + 1, -1);
        Tensor least = values.narrow(-1, k - 1, 1);
        if (values.narrow(-1, k, 1).eq(least).any().ToBoolean())
        {
            (values, ids) = logits.topk((int)logits.ge(least).sum(-1).max().ToInt64(), -1);
            values = values.masked_fill(values.lt(least), float.NegativeInfinity);
        }
        else
        {
            (values, ids) = (values.narrow(-1, 0, k), ids.narrow(-1, 0, k));
        }
        (ids, Tensor order) = ids.sort(-1); // topk leaves equal logits in any order
        (values, order) = values.gather(-1, order).sort(-1, descending: true, stable: true);
        return (values, ids.gather(-1, order));
    }

    /// <summary>Probabilities up to a common factor: the most probable token has weight 1.</summary>
    private Tensor Weights(Tensor values, Tensor largest) =>
        (values.to(ScalarType.Float64) - largest).div_(options.Temperature).exp_();

    private Tensor CumulativeWeights(Tensor values, Tensor largest) => Weights(values, largest).cumsum(-1);

    /// <summary>The first candidate whose cumulative weight exceeds the random part of the total.</summary>
    /// <param name="cumulative">[B, N]</param>
    /// <param name="total">[B, 1], an element of each row; its product with a number below 1 is below it</param>
    /// <returns>int64 [B, 1], below N also if the weights are NaN</returns>
    private static Tensor Invert(Tensor cumulative, Tensor total, Tensor uniforms) =>
        searchsorted(cumulative, total * uniforms, right: true).clamp_max(cumulative.size(-1) - 1);
}
