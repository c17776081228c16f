using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Distributed;
using Skipwise.Documents;
using Skipwise.Evaluation;
using Skipwise.Evaluation.Needles;
using Skipwise.Evaluation.Results;
using Skipwise.Evaluation.Ruler;
using Skipwise.Models;
using Skipwise.Runs;
using Skipwise.Runtime;

namespace Skipwise.Recipes;

/// <summary>A model, and the source files of RULER's tasks.</summary>
public sealed record EvaluateRulerOptions
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
    /// <summary>text files and folders of them, for the tasks with essays; none uses Skipwise's own prose</summary>
    [PathName]
    public IReadOnlyList<string> Haystack { get; init; } = [];
    /// <summary>how the files are split into documents</summary>
    public DocumentOptions Documents { get; init; } = new();
    /// <summary>SQuAD's JSON file, for qa_1</summary>
    [PathName]
    public string? Squad { get; init; }
    /// <summary>HotpotQA's JSON file, for qa_2</summary>
    [PathName]
    public string? Hotpot { get; init; }
    /// <summary>RULER settings; an empty list of lengths stands for <see cref="DefaultLengths"/></summary>
    public RulerOptions Ruler { get; init; } = new() { Lengths = [] };
    /// <summary>file of prompts and responses, one JSON line each, from which an interrupted evaluation continues; null: none</summary>
    [PathName]
    public string? Trials { get; init; }
}

/// <summary>RULER's results.</summary>
public sealed record RulerMeasurement(string Model, RulerSummary Summary)
{
    /// <summary>the results as records, one per line of a results file</summary>
    public IReadOnlyList<EvaluationRecord> Records => Summary.ToRecords(Model);
}

/// <summary>Runs RULER: thirteen tasks by length, their average, and the effective length.</summary>
public static class EvaluateRuler
{
    /// <param name="note">receives what is left out or replaced, and why</param>
    /// <param name="collective">the ranks that evaluate together (<see cref="Collectives"/>), all by this call; each gets the results,
    /// rank 0 writes the files. Null: this process alone</param>
    /// <exception cref="SkipwiseException">
    /// a model or file that cannot be read, an impossible setting, or a task whose source files are missing
    /// </exception>
    /// <example>
    /// <code>
    /// RulerMeasurement measured = EvaluateRuler.Run(new() { Model = "llama-32k", Ruler = new() { Lengths = [4096, 32768] } });
    /// Console.WriteLine(measured.Summary);
    /// </code>
    /// </example>
    public static RulerMeasurement Run(EvaluateRulerOptions options, IProgress<EvaluationProgress>? progress = null,
        IProgress<string>? note = null, ICollective? collective = null, CancellationToken cancel = default)
    {
        OptionCheck.Require("RULER", options);
        if (options.Ruler.Lengths.Count > 0)
        {
            options.Ruler.Validate();
        }
        RankAgreement.RequireOptions(collective ?? SingleProcess.Instance, options);
        using var model = new EvaluatedModel(
            new ModelSource(options.Model, options.Rope, Adapter: options.Adapter), options.Compute, note, collective);
        return Run(model, options, progress, note, cancel);
    }

    /// <param name="model">the model of the options</param>
    internal static RulerMeasurement Run(EvaluatedModel model, EvaluateRulerOptions options, IProgress<EvaluationProgress>? progress,
        IProgress<string>? note, CancellationToken cancel) =>
        model.Together(() => Measure(model, options, progress, note, cancel), cancel);

    private static RulerMeasurement Measure(EvaluatedModel model, EvaluateRulerOptions options, IProgress<EvaluationProgress>? progress,
        IProgress<string>? note, CancellationToken cancel)
    {
        RulerOptions ruler = options.Ruler.Lengths.Count > 0
            ? options.Ruler
            : options.Ruler with { Lengths = DefaultLengths.For(model.Config) };
        ruler.Validate();
        var material = new RulerData(
            new Essays(string.Join('\n', HaystackTexts.Read(options.Haystack, options.Documents, ruler.Lengths.Max()))),
            options.Squad is { } squad ? QaSet.ReadSquad(squad) : null,
            options.Hotpot is { } hotpot ? QaSet.ReadHotpot(hotpot) : null);
        Tell(ruler, material, ownProse: options.Haystack.Count == 0, note);
        RulerSummary summary = ResumableTrials.Run<RulerTrial, RulerSummary>(options.Trials, model,
            file => RulerEvaluator.Evaluate(model.Model, model.Tokenizer, material, ruler, progress: progress, file: file,
                ranks: model.Ranks, cancel: cancel),
            measured => measured.Results.SelectMany(result => result.Trials), cancel);
        return new(model.Name, summary);
    }

    /// <summary>Notes on what is left out or replaced, and why.</summary>
    private static void Tell(RulerOptions ruler, RulerData material, bool ownProse, IProgress<string>? note)
    {
        foreach (string leftOut in ruler.UnavailableTasks(material))
        {
            note?.Report(leftOut);
        }
        if (ownProse && ruler.SelectedTasks(material).Any(task => task.DataSource == RulerDataSource.Essays))
        {
            note?.Report($"no {OptionName.Of(nameof(EvaluateRulerOptions.Haystack))} is given: the tasks with essays use Skipwise's " +
                $"own prose");
        }
    }
}
