using System.Text.Json.Serialization;
using Skipwise.Evaluation.Results;

namespace Skipwise.Evaluation.Tasks;

/// <summary>What a model makes of one choice.</summary>
/// <param name="LogLikelihood">ln p(continuation | context), summed over its tokens</param>
/// <param name="IsGreedy">every token is the model's likeliest</param>
public sealed record RequestScore([property: JsonRequired] double LogLikelihood, [property: JsonRequired] bool IsGreedy) : ITrial
{
    public string? CacheKey { get; init; }
}
