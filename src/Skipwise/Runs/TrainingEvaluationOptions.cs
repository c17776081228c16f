using Skipwise.Data;
using Skipwise.Models;

namespace Skipwise.Runs;

/// <summary>Evaluation during training, and early stopping.</summary>
public sealed record TrainingEvaluationOptions
{
    /// <summary>steps between evaluations; 0: none. Otherwise the last step is always evaluated</summary>
    [Within(0, 1e9, LeastMeans = "never")]
    public int EverySteps { get; init; }
    /// <summary>held-out text for perplexity; null: no perplexity</summary>
    public DataOptions? Data { get; init; }
    /// <summary>windows for perplexity, in tokens; empty: <see cref="DefaultLengths"/></summary>
    [Within(2, 1 << 27)]
    public IReadOnlyList<int> Windows { get; init; } = [];
    /// <summary>number of documents for perplexity: the first ones that fill the longest window</summary>
    [Within(1, 1e7)]
    public int Documents { get; init; } = 20;
    /// <summary>lengths of passkey prompts, in tokens; empty: none</summary>
    [Within(1, 1 << 27)]
    public IReadOnlyList<int> PasskeyLengths { get; init; } = [];
    /// <summary>prompts per length</summary>
    [Within(1, 100000)]
    public int PasskeyTrials { get; init; } = 20;
    /// <summary>evaluations without improvement after which the run ends early; 0: never</summary>
    [Within(0, 1e9, LeastMeans = "never")]
    public int Patience { get; init; }

    /// <summary>Throws one error that names every setting out of range.</summary>
    /// <exception cref="SkipwiseException">at least one is</exception>
    public void Validate() => Validate(isDataNeeded: false);

    /// <param name="isDataNeeded">whether the held-out text serves something besides evaluation during training</param>
    /// <inheritdoc cref="Validate()"/>
    internal void Validate(bool isDataNeeded)
    {
        var problems = new List<string>();
        bool isAsked = Data is not null || PasskeyLengths.Count > 0;
        if (EverySteps > 0 && !isAsked)
        {
            problems.Add($"{OptionName.Of(nameof(TrainingEvaluationOptions.EverySteps))} has nothing to evaluate; give "
                + $"{OptionName.Of(nameof(TrainingEvaluationOptions.Data))}, "
                + $"{OptionName.Of(nameof(TrainingEvaluationOptions.PasskeyLengths))} or both");
        }
        if (EverySteps == 0 && isAsked && !(isDataNeeded && PasskeyLengths.Count == 0))
        {
            problems.Add($"{OptionName.Of(nameof(TrainingEvaluationOptions.Data))} and "
                + $"{OptionName.Of(nameof(TrainingEvaluationOptions.PasskeyLengths))} need "
                + $"{OptionName.Of(nameof(TrainingEvaluationOptions.EverySteps))}, the steps between evaluations");
        }
        if (EverySteps == 0 && Patience > 0)
        {
            problems.Add($"{OptionName.Of(nameof(TrainingEvaluationOptions.Patience))} needs "
                + $"{OptionName.Of(nameof(TrainingEvaluationOptions.EverySteps))}: it counts evaluations");
        }
        if (PasskeyLengths.Distinct().Count() < PasskeyLengths.Count)
        {
            problems.Add($"{OptionName.Of(nameof(TrainingEvaluationOptions.PasskeyLengths))} names a length twice");
        }
        OptionCheck.Require("Evaluation", this, problems);
    }
}
