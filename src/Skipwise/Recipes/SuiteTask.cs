using System.Text.Json.Nodes;
using Skipwise.Evaluation;
using Skipwise.Evaluation.Needles;
using Skipwise.Evaluation.Ruler;
using Skipwise.Evaluation.Tasks;
using Skipwise.Storage;

namespace Skipwise.Recipes;

/// <summary>One measurement of one model: done once, kept, and used again when model and settings are the same.</summary>
/// <param name="Words">what it does, for the reader</param>
/// <param name="Settings">what its numbers depend on, besides the model</param>
/// <param name="Run">measures; keeps its trials in the file that it is given</param>
internal sealed record SuiteMeasurement(string Words, JsonObject Settings, Func<string, IProgress<EvaluationProgress>?, CancellationToken, IReadOnlyList<EvaluationRecord>> Run);

/// <summary>
/// A kind of measurement that a comparison takes. It is cut into parts (a length, a task) that are kept one by one, so that an interrupted
/// comparison loses little.
/// </summary>
/// <param name="Name">of the records</param>
/// <param name="Missing">the input that has to be given for it; null if it can run</param>
/// <param name="Parts">for a model's folder and the lengths of the comparison</param>
internal sealed record SuiteTask(string Name, Func<EvaluateAllOptions, string?> Missing, Func<EvaluateAllOptions, string, IReadOnlyList<int>, IEnumerable<SuiteMeasurement>> Parts)
{
    /// <summary>
    /// A part that cannot be measured is said, and the others are measured: for prompts that are made here, since it is then the length's fault;
    /// for benchmarks that the user did not name. Else it is an error.
    /// </summary>
    public Func<EvaluateAllOptions, bool> PartsMayFail { get; init; } = _ => true;

    /// <summary>All of them, in the order of the report. Adding one is adding it here.</summary>
    public static IReadOnlyList<SuiteTask> All { get; } =
    [
        new("perplexity", options => options.Data is null ? "needs long documents: --data" : null, Perplexity) { PartsMayFail = _ => false },
        new("benchmarks", options => options.TasksData is null ? "need their public files: --tasks-data" : null, Benchmarks) { PartsMayFail = options => options.Tasks.Count == 0 },
        new("passkey", _ => null, Passkey),
        new("needle", options => options.Needle is null ? "needs prompts: --needle-trials" : null, Needle),
        new("ruler", options => options.Ruler is null ? "needs samples: --ruler-samples" : null, Ruler),
    ];

    private static IEnumerable<SuiteMeasurement> Perplexity(EvaluateAllOptions options, string model, IReadOnlyList<int> lengths)
    {
        string data = ContentHash.Of(options.Data!.Paths);
        // Every window reads the same documents, those that fill the longest.
        int fills = options.Perplexity.MinTokens > 0 ? options.Perplexity.MinTokens : Math.Min(lengths.Max(), options.Perplexity.MaxTokens ?? int.MaxValue);
        foreach (int length in lengths)
        {
            PerplexityOptions one = options.Perplexity with { Windows = [length], MinTokens = fills };
            yield return new($"perplexity, windows of {length} tokens", EvaluationJson.Settings(one with { BatchSize = null }, ("data", data)), (_, progress, cancel) =>
                EvaluatePerplexity.Run(new() { Model = model, Compute = options.Compute, Data = options.Data, Perplexity = one, MinTokens = fills }, progress, cancel: cancel).Records);
        }
    }

    private static IEnumerable<SuiteMeasurement> Benchmarks(EvaluateAllOptions options, string model, IReadOnlyList<int> lengths)
    {
        string data = ContentHash.Of([options.TasksData!]);
        foreach (string name in TaskCatalog.Find(options.Tasks.Count > 0 ? options.Tasks : ["all"]).Select(card => card.Name))
        {
            yield return new(name, EvaluationJson.Settings(options.Benchmarks with { BatchSize = null }, ("name", name), ("data", data)), (scores, progress, cancel) =>
                EvaluateTasks.Run(new() { Model = model, Compute = options.Compute, Data = options.TasksData!, Names = [name], Tasks = options.Benchmarks, Cache = scores }, progress, cancel: cancel).Records);
        }
    }

    private static IEnumerable<SuiteMeasurement> Passkey(EvaluateAllOptions options, string model, IReadOnlyList<int> lengths)
    {
        foreach (int length in lengths)
        {
            PasskeyOptions one = options.Passkey with { Lengths = [length] };
            yield return new($"passkey, prompts of {length} tokens", EvaluationJson.Settings(one with { BatchSize = null }), (trials, progress, cancel) =>
                EvaluatePasskey.Run(new() { Model = model, Compute = options.Compute, Passkey = one, Trials = trials }, progress, cancel: cancel).Records);
        }
    }

    private static IEnumerable<SuiteMeasurement> Needle(EvaluateAllOptions options, string model, IReadOnlyList<int> lengths)
    {
        string haystack = ContentHash.Of(options.Haystack);
        foreach (int length in lengths)
        {
            NeedleOptions one = options.Needle! with { Lengths = [length] };
            yield return new($"needle, prompts of {length} tokens", EvaluationJson.Settings(one with { BatchSize = null }, ("haystack", haystack)), (trials, progress, cancel) =>
                EvaluateNeedle.Run(new() { Model = model, Compute = options.Compute, Haystack = options.Haystack, Documents = options.Documents, Needle = one, Trials = trials }, progress, cancel: cancel).Records);
        }
    }

    private static IEnumerable<SuiteMeasurement> Ruler(EvaluateAllOptions options, string model, IReadOnlyList<int> lengths)
    {
        string material = ContentHash.Of([.. options.Haystack, .. new[] { options.Squad, options.Hotpot }.OfType<string>()]);
        foreach (int length in lengths)
        {
            RulerOptions one = options.Ruler! with { Lengths = [length] };
            yield return new($"RULER, prompts of {length} tokens", EvaluationJson.Settings(one with { BatchSize = null }, ("material", material)), (trials, progress, cancel) =>
                // RULER's own effective length is that of a whole run; here a run is one length.
                [.. EvaluateRuler.Run(new() { Model = model, Compute = options.Compute, Haystack = options.Haystack, Documents = options.Documents, Squad = options.Squad, Hotpot = options.Hotpot, Ruler = one, Trials = trials }, progress, cancel: cancel)
                    .Records.Where(record => record.Length is not null)]);
        }
    }
}
