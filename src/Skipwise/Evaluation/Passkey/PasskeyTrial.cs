using Skipwise.Evaluation.Results;

namespace Skipwise.Evaluation.Passkey;

/// <summary>One prompt with the model's answer; one JSON line.</summary>
/// <param name="Length">requested length in tokens</param>
/// <param name="Trial">0, 1, ... within the length</param>
/// <param name="Depth">fraction of the filler text before the key, 0..1</param>
/// <param name="PromptTokens">tokens of the prompt, BOS included</param>
/// <param name="Answer">the generated text</param>
/// <param name="Correct">whether the first number of the answer is the key</param>
public sealed record PasskeyTrial(int Length, int Trial, double Depth, int Key, int PromptTokens, string Prompt, string Answer,
    bool Correct) : ITrial
{
    /// <inheritdoc/>
    public string? CacheKey { get; init; }
}
