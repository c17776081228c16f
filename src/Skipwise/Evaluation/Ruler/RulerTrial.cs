using Skipwise.Evaluation.Results;

namespace Skipwise.Evaluation.Ruler;

/// <summary>One sample and what the model answered; one JSON line.</summary>
/// <param name="Task">RULER's name</param>
/// <param name="PromptTokens">tokens of the prompt, BOS included</param>
/// <param name="Prompt">null where no file of trials is kept: a measurement of long prompts would not fit memory</param>
/// <param name="References">what the answer should hold</param>
/// <param name="Score">0..1</param>
public sealed record RulerTrial(string Task, int Length, int Sample, int PromptTokens, string? Prompt, IReadOnlyList<string> References,
    string Answer, double Score) : ITrial
{
    public string? CacheKey { get; init; }
}
