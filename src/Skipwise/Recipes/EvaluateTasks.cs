using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Distributed;
using Skipwise.Evaluation;
using Skipwise.Evaluation.Results;
using Skipwise.Evaluation.Tasks;
using Skipwise.Models;
using Skipwise.Runs;
using Skipwise.Runtime;

namespace Skipwise.Recipes;

/// <summary>A model, benchmark tasks, and scoring settings.</summary>
public sealed record EvaluateTasksOptions
{
    /// <summary>Hugging Face folder, or a GGUF file</summary>
    [PathName]
    public required string Model { get; init; }
    /// <summary>folder with the tasks' public files</summary>
    [PathName]
    public required string Data { get; init; }
    /// <summary>names of <see cref="TaskRegistry"/></summary>
    public required IReadOnlyList<string> Names { get; init; }
    /// <summary>RoPE scaling in place of config.json's; null members keep what config.json says</summary>
    public RopeOverrides Rope { get; init; } = new();
    /// <summary>device and element type</summary>
    public ComputeOptions Compute { get; init; } = new();
    /// <summary>folder of a LoRA adapter in PEFT's layout, merged into the weights; null for none</summary>
    [PathName]
    public string? Adapter { get; init; }
    /// <summary>prompt and scoring settings</summary>
    public TaskOptions Tasks { get; init; } = new();
    /// <summary>file of scored requests that a later run continues; null: none</summary>
    [PathName]
    public string? Cache { get; init; }
}

/// <summary>Task results, and the options they were measured with.</summary>
public sealed record TaskMeasurement(string Model, TaskOptions Options, IReadOnlyList<TaskResult> Results)
{
    /// <summary>the results as records, one per line of a results file</summary>
    public IReadOnlyList<EvaluationRecord> Records => [.. Results.Select(result => result.ToRecord(Model, Options))];
}

/// <summary>Scores a model on benchmark tasks by the rules of lm-evaluation-harness.</summary>
public static class EvaluateTasks
{
    /// <param name="collective">the ranks that evaluate together (<see cref="Collectives"/>), all by this call; each gets the results,
    /// rank 0 writes the files. Null: this process alone</param>
    /// <exception cref="SkipwiseException">a model or data that cannot be read, an unknown task, or an impossible setting</exception>
    /// <example>
    /// <code>
    /// TaskMeasurement measured = EvaluateTasks.Run(new() { Model = "llama-32k", Data = "benchmarks", Names = ["boolq", "piqa"] });
    /// foreach (var result in measured.Results)
    /// {
    ///     Console.WriteLine($"{result.Task}: {result.Metric} {result.Value:0.000}");
    /// }
    /// </code>
    /// </example>
    public static TaskMeasurement Run(EvaluateTasksOptions options, IProgress<EvaluationProgress>? progress = null,
        IProgress<string>? note = null, ICollective? collective = null, CancellationToken cancel = default)
    {
        OptionCheck.Require("Tasks", options);
        RankAgreement.RequireOptions(collective ?? SingleProcess.Instance, options);
        using var model = new EvaluatedModel(
            new ModelSource(options.Model, options.Rope, Adapter: options.Adapter), options.Compute, note, collective);
        return Run(model, options, progress, cancel);
    }

    /// <param name="model">the model of the options</param>
    internal static TaskMeasurement Run(EvaluatedModel model, EvaluateTasksOptions options, IProgress<EvaluationProgress>? progress,
        CancellationToken cancel) =>
        model.Together(() => Measure(model, options, progress, cancel), cancel);

    private static TaskMeasurement Measure(EvaluatedModel model, EvaluateTasksOptions options, IProgress<EvaluationProgress>? progress,
        CancellationToken cancel)
    {
        TaskOptions tasks = options.Tasks.ResolveBos(model.ModelType);
        if (tasks.Bos != options.Tasks.Bos)
        {
            model.Note?.Report("a BOS token is added before every text: from 0.4 on the harness does so for Gemma, whatever " +
                $"{OptionName.Of(nameof(TaskOptions.Bos))} says");
        }
        TaskSuite suite = TaskSuite.Prepare(options.Data, options.Names, model.Tokenizer, model.Config, tasks, cancel);
        // Scores of other runs stay in the file: other tasks and models may share it.
        CausalLM compared = model.Compared(cancel);
        using TrialFile<RequestScore>? scores =
            options.Cache is { } path && model.Ranks.Rank == 0 ? new(path, model.Identity) : null;
        return new(model.Name, tasks, suite.Evaluate(compared, scores, progress, model.Ranks, cancel));
    }
}
