using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Data;
using Skipwise.Distributed;
using Skipwise.Documents;
using Skipwise.Evaluation;
using Skipwise.Evaluation.Perplexity;
using Skipwise.Evaluation.Results;
using Skipwise.Models;
using Skipwise.Runs;
using Skipwise.Runtime;
using Skipwise.TokenStores;

namespace Skipwise.Recipes;

/// <summary>A model, text, and perplexity settings.</summary>
public sealed record EvaluatePerplexityOptions
{
    /// <summary><see cref="PerplexityOptions.MaxTotalTokens"/> of <see cref="Perplexity"/> as long as that is not set; options of your own
    /// have no limit unless they name one. Millions of tokens would take hours and change the result little.</summary>
    public const int DefaultMaxTotalTokens = 1 << 18;

    /// <summary>Hugging Face folder, or a GGUF file</summary>
    [PathName]
    public required string Model { get; init; }
    /// <summary>the text</summary>
    public required DataOptions Data { get; init; }
    /// <summary>RoPE scaling in place of config.json's; null members keep what config.json says</summary>
    public RopeOverrides Rope { get; init; } = new();
    /// <summary>device and element type</summary>
    public ComputeOptions Compute { get; init; } = new();
    /// <summary>folder of a LoRA adapter in PEFT's layout, merged into the weights; null for none</summary>
    [PathName]
    public string? Adapter { get; init; }
    /// <summary>perplexity settings; an empty list of windows stands for <see cref="DefaultLengths"/></summary>
    public PerplexityOptions Perplexity { get; init; } = new() { Windows = [], MaxTotalTokens = DefaultMaxTotalTokens };
    /// <summary>documents shorter than this (BOS included) are left out; null: the longest window, so that every window is filled</summary>
    [Within(0, 1 << 27)]
    public int? MinTokens { get; init; }
}

/// <summary>Perplexities, and the options they were measured with.</summary>
public sealed record PerplexityMeasurement(string Model, PerplexityOptions Options, IReadOnlyList<PerplexityResult> Results)
{
    /// <summary>the setting of a record that tells that <see cref="PerplexityOptions.MaxTotalTokens"/> left out a part of the
    /// text</summary>
    internal const string CutSetting = "is_cut";

    /// <summary>whether <see cref="PerplexityOptions.MaxTotalTokens"/> left out a part of the text</summary>
    public bool IsCut { get; init; }

    /// <summary>the results as records, one per line of a results file</summary>
    public IReadOnlyList<EvaluationRecord> Records =>
        [.. Results.Select(result => result.ToRecord(Model, Options)).Concat(
            Results.SelectMany(result => result.PositionRecords(Model, Options))).Select(Marked)];

    private EvaluationRecord Marked(EvaluationRecord record)
    {
        if (IsCut)
        {
            record.Settings![CutSetting] = true;
        }
        return record;
    }
}

/// <summary>Evaluates a model's perplexity on text by window length.</summary>
public static class EvaluatePerplexity
{
    /// <param name="collective">the ranks that evaluate together (<see cref="Collectives"/>), all by this call; each gets the results,
    /// rank 0 writes the files. Null: this process alone</param>
    /// <exception cref="SkipwiseException">a model or text that cannot be read, an impossible setting, or no document long
    /// enough</exception>
    /// <example>
    /// <code>
    /// PerplexityMeasurement measured = EvaluatePerplexity.Run(new()
    /// {
    ///     Model = "llama-32k",
    ///     Data = new() { Paths = ["reports.jsonl"] },
    ///     Perplexity = new() { Windows = [4096, 32768], MaxTotalTokens = EvaluatePerplexityOptions.DefaultMaxTotalTokens },
    /// });
    /// Console.WriteLine(string.Join('\n', measured.Results));
    /// </code>
    /// </example>
    public static PerplexityMeasurement Run(EvaluatePerplexityOptions options, IProgress<EvaluationProgress>? progress = null,
        IProgress<string>? note = null, ICollective? collective = null, CancellationToken cancel = default)
    {
        Validate(options);
        RankAgreement.RequireOptions(collective ?? SingleProcess.Instance, options);
        using var model = new EvaluatedModel(
            new ModelSource(options.Model, options.Rope, Adapter: options.Adapter), options.Compute, note, collective);
        return Run(model, options, progress, cancel);
    }

    /// <summary>Checks that need no file.</summary>
    /// <exception cref="SkipwiseException">a setting is out of range, or conflicts with another one</exception>
    public static void Validate(EvaluatePerplexityOptions options)
    {
        OptionCheck.Require("Perplexity", options);
        if (options.Perplexity.Windows.Count > 0)
        {
            Complete(options, options.Perplexity.Windows).Validate();
        }
    }

    /// <param name="model">the model of the options</param>
    internal static PerplexityMeasurement Run(EvaluatedModel model, EvaluatePerplexityOptions options,
        IProgress<EvaluationProgress>? progress, CancellationToken cancel) =>
        model.Together(() => Measure(model, options, progress, cancel), cancel);

    private static PerplexityMeasurement Measure(EvaluatedModel model, EvaluatePerplexityOptions options,
        IProgress<EvaluationProgress>? progress, CancellationToken cancel)
    {
        IReadOnlyList<int> windows = options.Perplexity.Windows.Count > 0 ? options.Perplexity.Windows : DefaultLengths.For(model.Config);
        PerplexityOptions perplexity = Complete(options, windows);
        perplexity.Validate();
        int bos = PerplexityTexts.BosId(model.Tokenizer, model.Config);
        using TokenStore? store = TrainingData.OpenStore(options.Data, model.Tokenizer);
        ITokenSource documents = store is not null ? store
            : PerplexityTexts.Read(options.Data.Read(), model.Tokenizer, perplexity, cancel);
        IReadOnlyList<PerplexityResult> results =
            PerplexityEvaluator.Evaluate(model.Compared(cancel), documents, bos, perplexity, progress, model.Ranks, cancel);
        return new(model.Name, perplexity, results) { IsCut = PerplexityPlan.IsCut(documents, perplexity) };
    }

    private static PerplexityOptions Complete(EvaluatePerplexityOptions options, IReadOnlyList<int> windows) =>
        options.Perplexity with
        {
            Windows = windows,
            MinTokens = options.MinTokens ?? Math.Min(windows.Max(), options.Perplexity.MaxTokens ?? int.MaxValue),
        };
}
