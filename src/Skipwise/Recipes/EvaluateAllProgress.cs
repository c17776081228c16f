using Skipwise.Evaluation;

namespace Skipwise.Recipes;

/// <summary>Receivers of a comparison's progress; null members receive nothing.</summary>
internal sealed record EvaluateAllProgress
{
    /// <summary>description of a job that begins or is already stored, and notes on the models</summary>
    public IProgress<string>? Stage { get; init; }
    /// <summary>a job begins</summary>
    public IProgress<ComparisonProgress>? Job { get; init; }
    /// <summary>tokens of an evaluation</summary>
    public IProgress<EvaluationProgress>? Evaluation { get; init; }
    /// <summary>puts what the report's reader calls an option in the place of its name; null: <see cref="OptionName.InWords"/></summary>
    public Func<string, string>? Words { get; init; }
}
