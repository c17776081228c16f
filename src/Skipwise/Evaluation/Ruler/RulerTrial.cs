using Skipwise.Evaluation.Results;

namespace Skipwise.Evaluation.Ruler;

/// <summary>One sample with the model's answer; one JSON line.</summary>
/// <param name="Task">RULER's name</param>
/// <param name="PromptTokens">tokens of the prompt, BOS included</param>
/// <param name="Prompt">null if no trial file is kept, because all long prompts of an evaluation would not fit in memory</param>
/// <param name="References">strings that the answer should contain</param>
/// <param name="Score">0..1</param>
public sealed record RulerTrial(string Task, int Length, int Sample, int PromptTokens, string? Prompt, IReadOnlyList<string> References,
    string Answer, double Score) : ITrial
{
    /// <inheritdoc/>
    public string? CacheKey { get; init; }
}
