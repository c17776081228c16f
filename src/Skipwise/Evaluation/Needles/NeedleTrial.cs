using Skipwise.Evaluation.Results;

namespace Skipwise.Evaluation.Needles;

/// <summary>One question with the model's scores of the true answer; one JSON line.</summary>
/// <param name="Length">tokens that prompt and answer may fill</param>
/// <param name="Depth">fraction of the haystack before the first needle</param>
/// <param name="Needle">index of the needle that is asked for</param>
/// <param name="PromptTokens">tokens of the prompt, BOS included</param>
/// <param name="Prompt">null if no trial file is kept, because all long prompts of an evaluation would not fit in memory</param>
/// <param name="IsBest">per answer token: whether it is the most probable token after the true tokens before it</param>
/// <param name="LogProbs">per answer token, ln p</param>
public sealed record NeedleTrial(
    int Length, double Depth, int Trial, int Needle, int PromptTokens, string? Prompt, string Answer, IReadOnlyList<bool> IsBest,
    IReadOnlyList<double> LogProbs) : ITrial
{
    /// <summary>whether greedy decoding would have generated exactly the answer</summary>
    public bool Correct => IsBest.All(best => best);

    /// <summary>mean ln p of the answer's tokens</summary>
    public double MeanLogProb => LogProbs.Average();

    /// <inheritdoc/>
    public string? CacheKey { get; init; }
}
