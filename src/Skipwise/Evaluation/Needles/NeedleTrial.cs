using Skipwise.Evaluation.Results;

namespace Skipwise.Evaluation.Needles;

/// <summary>One question and how the model took the true answer; one JSON line.</summary>
/// <param name="Length">tokens that prompt and answer may fill</param>
/// <param name="Depth">share of the haystack before the first needle</param>
/// <param name="Needle">which needle is asked for</param>
/// <param name="PromptTokens">tokens of the prompt, BOS included</param>
/// <param name="Prompt">null where no file of trials is kept: a measurement of long prompts would not fit memory</param>
/// <param name="IsBest">per answer token: the most probable one of all, after the true tokens before it</param>
/// <param name="LogProbs">per answer token, ln p</param>
public sealed record NeedleTrial(
    int Length, double Depth, int Trial, int Needle, int PromptTokens, string? Prompt, string Answer, IReadOnlyList<bool> IsBest,
    IReadOnlyList<double> LogProbs) : ITrial
{
    /// <summary>greedy decoding would have written exactly the answer</summary>
    public bool Correct => IsBest.All(best => best);

    public double MeanLogProb => LogProbs.Average();

    public string? CacheKey { get; init; }
}
