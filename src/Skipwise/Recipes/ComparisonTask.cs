using System.Text.Json.Nodes;
using Skipwise.Documents;
using Skipwise.Evaluation.Needles;
using Skipwise.Evaluation.Passkey;
using Skipwise.Evaluation.Perplexity;
using Skipwise.Evaluation.Results;
using Skipwise.Evaluation.Ruler;
using Skipwise.Evaluation.Tasks;
using Skipwise.Storage;

namespace Skipwise.Recipes;

/// <summary>
/// A kind of evaluation in a comparison. It is split into jobs (a length, a task) that are stored one by one, so that an interrupted
/// comparison loses little.
/// </summary>
/// <param name="Name">task name in the records</param>
/// <param name="SkipReason">the missing input; null if the task can run</param>
/// <param name="Jobs">jobs for the lengths of the comparison</param>
internal sealed record ComparisonTask(string Name, Func<EvaluateAllOptions, string?> SkipReason,
    Func<EvaluateAllOptions, IReadOnlyList<int>, IEnumerable<ComparisonJob>> Jobs)
{
    /// <summary>
    /// Whether a job that cannot run is reported and the others continue. True for generated prompts, whose length is then at fault, and
    /// for benchmarks that the user did not name; else it is an error.
    /// </summary>
    public Func<EvaluateAllOptions, bool> ContinuesOnError { get; init; } = _ => true;

    /// <summary>All tasks in the order of the report. A new task is added here.</summary>
    public static IReadOnlyList<ComparisonTask> All { get; } =
    [
        new("perplexity", options => options.Data is null
            ? $"needs long documents: {OptionName.Of(nameof(EvaluateAllOptions.Data))}" : null,
            Perplexity) { ContinuesOnError = _ => false },
        new("benchmarks", options => options.TasksData is null
            ? $"need their public files: {OptionName.Of(nameof(EvaluateAllOptions.TasksData))}" : null,
            Benchmarks) { ContinuesOnError = options => options.Tasks.Count == 0 },
        new("passkey", _ => null, Passkey),
        new("needle", options => options.Needle is null ? $"needs prompts: {OptionName.Of(nameof(NeedleOptions.Trials))}" : null, Needle),
        new("ruler", options => options.Ruler is null ? $"needs samples: {OptionName.Of(nameof(RulerOptions.Samples))}" : null, Ruler),
    ];

    private static IEnumerable<ComparisonJob> Perplexity(EvaluateAllOptions options, IReadOnlyList<int> lengths)
    {
        string data = ContentHash.Compute(options.Data!.Paths);
        // Every window reads the same documents, those that fill the longest.
        int fills = options.Perplexity.MinTokens > 0
            ? options.Perplexity.MinTokens
            : Math.Min(lengths.Max(), options.Perplexity.MaxTokens ?? int.MaxValue);
        foreach (int length in lengths)
        {
            PerplexityOptions one =
                options.Perplexity with
                {
                    Windows = [length],
                    MinTokens = fills,
                    PositionBins = length == lengths.Max()
                    ? options.Perplexity.PositionBins
                    : null
                };
            one.Validate();
            yield return new($"perplexity, windows of {length} tokens",
                Read(options.Data.Documents, EvaluationJson.Settings(one with { BatchSize = null }, ("data", data))),
                (model, _, progress, cancel) =>
                EvaluatePerplexity.Run(model, new() { Model = model.Name, Data = options.Data, Perplexity = one, MinTokens = fills },
                    progress, cancel).Records)
            { Size = length };
        }
    }

    private static IEnumerable<ComparisonJob> Benchmarks(EvaluateAllOptions options, IReadOnlyList<int> lengths)
    {
        string data = ContentHash.Compute([options.TasksData!]);
        if (options.Tasks.Count > 0)
        {
            // Tasks that the user named must be complete.
            TaskSuite.RequireData(options.TasksData!, options.Tasks, options.Benchmarks);
        }
        foreach (string name in TaskRegistry.Find(options.Tasks.Count > 0 ? options.Tasks : ["all"]).Select(card => card.Name))
        {
            yield return new(name, EvaluationJson.Settings(options.Benchmarks with { BatchSize = null }, ("name", name), ("data", data)),
                (model, scores, progress, cancel) =>
                EvaluateTasks.Run(model,
                    new() { Model = model.Name, Data = options.TasksData!, Names = [name], Tasks = options.Benchmarks, Cache = scores },
                    progress, cancel).Records);
        }
    }

    private static IEnumerable<ComparisonJob> Passkey(EvaluateAllOptions options, IReadOnlyList<int> lengths)
    {
        foreach (int length in lengths)
        {
            PasskeyOptions one = options.Passkey with { Lengths = [length] };
            one.Validate();
            yield return new($"passkey, prompts of {length} tokens", EvaluationJson.Settings(one with { BatchSize = null }),
                (model, trials, progress, cancel) =>
                EvaluatePasskey.Run(model, new() { Model = model.Name, Passkey = one, Trials = trials }, progress, cancel).Records)
            { Size = length };
        }
    }

    private static IEnumerable<ComparisonJob> Needle(EvaluateAllOptions options, IReadOnlyList<int> lengths)
    {
        string haystack = ContentHash.Compute(options.Haystack);
        foreach (int length in lengths)
        {
            NeedleOptions one = options.Needle! with { Lengths = [length] };
            one.Validate();
            yield return new($"needle, prompts of {length} tokens",
                Read(options.Documents, EvaluationJson.Settings(one with { BatchSize = null }, ("haystack", haystack))),
                (model, trials, progress, cancel) =>
                EvaluateNeedle.Run(model,
                    new() { Model = model.Name, Haystack = options.Haystack, Documents = options.Documents, Needle = one, Trials = trials },
                    progress, cancel).Records)
            { Size = length };
        }
    }

    private static IEnumerable<ComparisonJob> Ruler(EvaluateAllOptions options, IReadOnlyList<int> lengths)
    {
        // Reports errors of the files before the evaluations.
        _ = options.Squad is { } squad ? QaSet.ReadSquad(squad) : null;
        _ = options.Hotpot is { } hotpot ? QaSet.ReadHotpot(hotpot) : null;
        string material = ContentHash.Compute([.. options.Haystack, .. new[] { options.Squad, options.Hotpot }.OfType<string>()]);
        foreach (int length in lengths)
        {
            RulerOptions one = options.Ruler! with { Lengths = [length] };
            one.Validate();
            yield return new($"RULER, prompts of {length} tokens",
                Read(options.Documents, EvaluationJson.Settings(one with { BatchSize = null }, ("material", material))),
                (model, trials, progress, cancel) =>
                // RULER's own effective length is that of a whole run; here a run is one length.
                [.. EvaluateRuler.Run(model,
                    new() { Model = model.Name, Haystack = options.Haystack, Documents = options.Documents, Squad = options.Squad,
                        Hotpot = options.Hotpot, Ruler = one, Trials = trials }, progress, null, cancel)
                    .Records.Where(record => record.Length is not null)])
            { Size = length };
        }
    }

    /// <summary>Adds the document reader's settings: read in another way, the same files are other documents.</summary>
    private static JsonObject Read(DocumentOptions documents, JsonObject settings)
    {
        foreach ((string key, string? value) in ((string, string?)[])[("separator", documents.SeparatorText),
            ("text_field", documents.Field)])
        {
            if (value is not null)
            {
                settings[key] = value;
            }
        }
        return settings;
    }
}
