using System.Text.Json.Serialization;
using Skipwise.Documents;

namespace Skipwise.Evaluation.Tasks;

/// <summary>The version of EleutherAI's lm-evaluation-harness to reproduce. Some of its rules that affect scores have changed.</summary>
public enum HarnessVersion
{
    /// <summary>as of 2023 (Open LLM Leaderboard, the PoSE paper): documents shuffled by Random(42), which then draws the
    /// examples</summary>
    [JsonStringEnumMemberName("2023")]
    V2023,
    /// <summary>since version 0.4: documents in file order, examples drawn by Random(1234)</summary>
    [JsonStringEnumMemberName("0.4")]
    V04,
}

/// <summary>Whether BOS is prepended to a prompt.</summary>
public enum BosMode
{
    /// <summary>never: both harnesses' default for causal models until November 2025, but see
    /// <see cref="TaskOptions.ResolveBos"/></summary>
    None,
    /// <summary>if the model's tokenizer prepends one</summary>
    Auto,
    /// <summary>always</summary>
    Always,
}

/// <summary>Options of the benchmark tasks.</summary>
public sealed record TaskOptions
{
    /// <summary>the harness version to reproduce</summary>
    public HarnessVersion Harness { get; init; } = HarnessVersion.V2023;
    /// <summary>few-shot examples per question; null: each task's default</summary>
    [Within(0, 10000)]
    public int? NumFewshot { get; init; }
    /// <summary>evaluate only the first documents in the harness's order: a number, or below 1 a fraction; null: all</summary>
    [Within(0, 1e9, Above = true)]
    public double? Limit { get; init; }
    /// <summary>whether BOS is prepended to a prompt</summary>
    public BosMode Bos { get; init; } = BosMode.None;
    /// <summary>longest text in tokens, truncated from the left; null: the model's window</summary>
    [Within(1, 1 << 27)]
    public int? MaxLength { get; init; }
    /// <summary>texts per batch; null: chosen by their length</summary>
    [Within(1, 1 << 16)]
    public int? BatchSize { get; init; }
    /// <summary>bootstrap resamples for the standard error of a perplexity</summary>
    [Within(2, 1e7)]
    public int BootstrapIters { get; init; } = 100_000;
    /// <summary>limits of reading a task's files; scores do not depend on them</summary>
    [JsonIgnore]
    public LimitOptions Limits { get; init; } = new();

    /// <summary>
    /// These options as the harness applies them to a model family. Since 0.4 it always prepends BOS to texts of a Gemma.
    /// </summary>
    /// <param name="modelType">config.json's model_type</param>
    public TaskOptions ResolveBos(string modelType) =>
        Harness == HarnessVersion.V04 && modelType.Contains("gemma", StringComparison.Ordinal) ? this with { Bos = BosMode.Always } : this;

    /// <summary>Throws one error that names every setting out of range.</summary>
    public void Validate() => OptionCheck.Require("Tasks", this);
}
