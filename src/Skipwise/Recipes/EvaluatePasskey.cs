using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Distributed;
using Skipwise.Evaluation;
using Skipwise.Evaluation.Passkey;
using Skipwise.Evaluation.Results;
using Skipwise.Models;
using Skipwise.Runs;
using Skipwise.Runtime;

namespace Skipwise.Recipes;

/// <summary>A model, and passkey settings.</summary>
public sealed record EvaluatePasskeyOptions
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
    /// <summary>passkey settings; an empty list of lengths stands for <see cref="DefaultLengths"/></summary>
    public PasskeyOptions Passkey { get; init; } = new() { Lengths = [] };
    /// <summary>file of prompts and responses, one JSON line each, from which an interrupted evaluation continues; null: none</summary>
    [PathName]
    public string? Trials { get; init; }
}

/// <summary>Passkey results, and the options they were measured with.</summary>
public sealed record PasskeyMeasurement(string Model, PasskeyOptions Options, IReadOnlyList<PasskeyResult> Results)
{
    /// <summary>the results as records, one per line of a results file</summary>
    public IReadOnlyList<EvaluationRecord> Records => [.. Results.SelectMany(result => result.ToRecords(Model, Options))];
}

/// <summary>Measures passkey retrieval by length and depth.</summary>
public static class EvaluatePasskey
{
    /// <param name="collective">the ranks that evaluate together (<see cref="Collectives"/>), all by this call; each gets the results,
    /// rank 0 writes the files. Null: this process alone</param>
    /// <exception cref="SkipwiseException">a model that cannot be read, or an impossible setting</exception>
    /// <example>
    /// <code>
    /// PasskeyMeasurement measured = EvaluatePasskey.Run(new() { Model = "llama-32k", Passkey = new() { Lengths = [4096, 32768] } });
    /// Console.WriteLine(string.Join(' ', measured.Results.Select(result =&gt; result.Accuracy)));
    /// </code>
    /// </example>
    public static PasskeyMeasurement Run(EvaluatePasskeyOptions options, IProgress<EvaluationProgress>? progress = null,
        IProgress<string>? note = null, ICollective? collective = null, CancellationToken cancel = default)
    {
        OptionCheck.Require("Passkey", options);
        if (options.Passkey.Lengths.Count > 0)
        {
            options.Passkey.Validate();
        }
        RankAgreement.RequireOptions(collective ?? SingleProcess.Instance, options);
        using var model = new EvaluatedModel(
            new ModelSource(options.Model, options.Rope, Adapter: options.Adapter), options.Compute, note, collective);
        return Run(model, options, progress, cancel);
    }

    /// <param name="model">that of the options</param>
    internal static PasskeyMeasurement Run(EvaluatedModel model, EvaluatePasskeyOptions options, IProgress<EvaluationProgress>? progress,
        CancellationToken cancel) =>
        model.Together(() => Measure(model, options, progress, cancel), cancel);

    private static PasskeyMeasurement Measure(EvaluatedModel model, EvaluatePasskeyOptions options, IProgress<EvaluationProgress>? progress,
        CancellationToken cancel)
    {
        PasskeyOptions passkey = options.Passkey.Lengths.Count > 0
            ? options.Passkey
            : options.Passkey with { Lengths = DefaultLengths.For(model.Config) };
        IReadOnlyList<PasskeyPrompt> prompts = PasskeyPrompt.All(model.Tokenizer, passkey);
        IReadOnlyList<PasskeyResult> results = ResumableTrials.Run<PasskeyTrial, IReadOnlyList<PasskeyResult>>(options.Trials, model,
            file => PasskeyEvaluator.Evaluate(model.Model, model.Tokenizer, prompts, passkey, progress: progress, file: file,
                ranks: model.Ranks, cancel: cancel),
            measured => measured.SelectMany(result => result.Trials), cancel);
        return new(model.Name, passkey, results);
    }
}
