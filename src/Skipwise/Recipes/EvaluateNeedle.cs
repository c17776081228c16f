using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Distributed;
using Skipwise.Documents;
using Skipwise.Evaluation;
using Skipwise.Evaluation.Needles;
using Skipwise.Evaluation.Results;
using Skipwise.Models;
using Skipwise.Runs;
using Skipwise.Runtime;

namespace Skipwise.Recipes;

/// <summary>A model, a haystack, and needle settings.</summary>
public sealed record EvaluateNeedleOptions
{
    /// <summary>Hugging Face folder, or a GGUF file</summary>
    [PathName]
    public required string Model { get; init; }
    /// <summary>RoPE scaling in place of config.json's; null members keep what config.json says</summary>
    public RopeOverrides Rope { get; init; } = new();
    /// <summary>device and element type</summary>
    public ComputeOptions Compute { get; init; } = new();
    /// <summary>folder of a LoRA adapter in PEFT's layout, merged into the weights; null for none</summary>
    [PathName]
    public string? Adapter { get; init; }
    /// <summary>text files and folders of them; none uses Skipwise's own prose</summary>
    [PathName]
    public IReadOnlyList<string> Haystack { get; init; } = [];
    /// <summary>how the files are split into documents</summary>
    public DocumentOptions Documents { get; init; } = new();
    /// <summary>needle settings; an empty list of lengths stands for <see cref="DefaultLengths"/></summary>
    public NeedleOptions Needle { get; init; } = new() { Lengths = [] };
    /// <summary>file of prompts and scores, one JSON line each, from which an interrupted evaluation continues; null: none</summary>
    [PathName]
    public string? Trials { get; init; }
}

/// <summary>Needle results, and the options they were measured with.</summary>
public sealed record NeedleMeasurement(string Model, NeedleOptions Options, IReadOnlyList<NeedleResult> Results)
{
    /// <summary>the results as records, one per line of a results file</summary>
    public IReadOnlyList<EvaluationRecord> Records => [.. Results.SelectMany(result => result.ToRecords(Model, Options))];
}

/// <summary>Evaluates needle retrieval by length and depth.</summary>
public static class EvaluateNeedle
{
    /// <param name="collective">the ranks that evaluate together (<see cref="Collectives"/>), all by this call; each gets the results,
    /// rank 0 writes the files. Null: this process alone</param>
    /// <exception cref="SkipwiseException">a model or text that cannot be read, or an impossible setting</exception>
    /// <example>
    /// <code>
    /// NeedleMeasurement measured = EvaluateNeedle.Run(new() { Model = "llama-32k", Needle = new() { Lengths = [4096, 32768] } });
    /// Console.WriteLine(string.Join(' ', measured.Results.Select(result =&gt; result.Accuracy)));
    /// </code>
    /// </example>
    public static NeedleMeasurement Run(EvaluateNeedleOptions options, IProgress<EvaluationProgress>? progress = null,
        IProgress<string>? note = null, ICollective? collective = null, CancellationToken cancel = default)
    {
        OptionCheck.Require("Needle", options);
        if (options.Needle.Lengths.Count > 0)
        {
            options.Needle.Validate();
        }
        RankAgreement.RequireOptions(collective ?? SingleProcess.Instance, options);
        using var model = new EvaluatedModel(
            new ModelSource(options.Model, options.Rope, Adapter: options.Adapter), options.Compute, note, collective);
        return Run(model, options, progress, cancel);
    }

    /// <param name="model">the model of the options</param>
    internal static NeedleMeasurement Run(EvaluatedModel model, EvaluateNeedleOptions options, IProgress<EvaluationProgress>? progress,
        CancellationToken cancel) =>
        model.Together(() => Measure(model, options, progress, cancel), cancel);

    private static NeedleMeasurement Measure(EvaluatedModel model, EvaluateNeedleOptions options, IProgress<EvaluationProgress>? progress,
        CancellationToken cancel)
    {
        NeedleOptions needle = options.Needle.Lengths.Count > 0
            ? options.Needle
            : options.Needle with { Lengths = DefaultLengths.For(model.Config) };
        needle.Validate();
        var haystack =
            new Haystack(model.Tokenizer, HaystackTexts.Read(options.Haystack, options.Documents, needle.Lengths.Max()),
                needle.Lengths.Max());
        IReadOnlyList<NeedleResult> results = ResumableTrials.Run<NeedleTrial, IReadOnlyList<NeedleResult>>(options.Trials, model,
            file => NeedleEvaluator.Evaluate(model.Model, model.Tokenizer, haystack, needle, progress: progress, file: file,
                ranks: model.Ranks, cancel: cancel),
            measured => measured.SelectMany(result => result.Trials), cancel);
        return new(model.Name, needle, results);
    }
}
