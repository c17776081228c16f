using System.Text.Json.Serialization;
using Skipwise.Evaluation.Results;

namespace Skipwise.Evaluation.Tasks;

/// <summary>A model's score of one choice.</summary>
/// <param name="LogLikelihood">ln p(continuation | context), summed over its tokens</param>
/// <param name="IsGreedy">whether every token is the most probable one</param>
public sealed record RequestScore([property: JsonRequired] double LogLikelihood, [property: JsonRequired] bool IsGreedy) : ITrial
{
    /// <inheritdoc/>
    public string? CacheKey { get; init; }
}
