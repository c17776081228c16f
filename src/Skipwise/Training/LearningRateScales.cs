using System.Globalization;
using Skipwise.Models;

namespace Skipwise.Training;

/// <summary>Learning-rate multipliers of parameter groups. A parameter's group follows from its role in the model.</summary>
public sealed record LearningRateScales
{
    /// <summary>projections of attention and feed-forward</summary>
    [Within(0, 1e6, LeastMeans = "not trained")]
    public double Matrices { get; init; } = 1;
    /// <summary>the embedding and the head, tied or not</summary>
    [Within(0, 1e6, LeastMeans = "not trained")]
    public double Embeddings { get; init; } = 1;
    /// <summary>the weights of norms</summary>
    [Within(0, 1e6, LeastMeans = "not trained")]
    public double Norms { get; init; } = 1;
    /// <summary>biases</summary>
    [Within(0, 1e6, LeastMeans = "not trained")]
    public double Biases { get; init; } = 1;
    /// <summary>LoRA adapters</summary>
    [Within(0, 1e6, LeastMeans = "not trained")]
    public double Adapters { get; init; } = 1;

    /// <summary>The multiplier of a parameter of this role.</summary>
    internal double Of(ParameterRole role) => role switch
    {
        ParameterRole.Adapter => Adapters,
        ParameterRole.Bias => Biases,
        ParameterRole.Norm => Norms,
        ParameterRole.Embedding or ParameterRole.Head => Embeddings,
        _ => Matrices,
    };

    /// <summary>Parses "embeddings=0.1,norms=2"; groups that are not named keep 1.</summary>
    /// <exception cref="SkipwiseException">an unknown group, one named twice, or no number</exception>
    public static LearningRateScales Parse(string text)
    {
        var scales = new LearningRateScales();
        var named = new HashSet<string>();
        foreach (string[] pair in text.Split(',', StringSplitOptions.TrimEntries)
            .Select(part => part.Split('=', StringSplitOptions.TrimEntries)))
        {
            if (pair.Length != 2 || !double.TryParse(pair[1], NumberStyles.Float, CultureInfo.InvariantCulture, out double scale)
                || !double.IsFinite(scale))
            {
                throw new SkipwiseException($"expected group=number, such as embeddings=0.1, found '{string.Join('=', pair)}'.");
            }
            if (!named.Add(pair[0]))
            {
                throw new SkipwiseException($"group {pair[0]} is named twice.");
            }
            scales = pair[0] switch
            {
                "matrices" => scales with { Matrices = scale },
                "embeddings" => scales with { Embeddings = scale },
                "norms" => scales with { Norms = scale },
                "biases" => scales with { Biases = scale },
                "adapters" => scales with { Adapters = scale },
                _ => throw new SkipwiseException($"there is no group '{pair[0]}'; use matrices, embeddings, norms, biases or adapters."),
            };
        }
        return scales;
    }
}
