using System.Text.Json.Serialization;
using Skipwise.Documents;

namespace Skipwise.Evaluation.Tasks;

/// <summary>Whose rules hold: EleutherAI's lm-evaluation-harness has changed some that move the numbers.</summary>
public enum HarnessVersion
{
    /// <summary>as of 2023 (Open LLM Leaderboard, the PoSE paper): documents shuffled by Random(42), which goes on to draw the
    /// examples</summary>
    [JsonStringEnumMemberName("2023")]
    V2023,
    /// <summary>from version 0.4 on: documents in their order, examples drawn by Random(1234)</summary>
    [JsonStringEnumMemberName("0.4")]
    V04,
}

/// <summary>Whether a BOS token stands before a prompt.</summary>
public enum BosMode
{
    /// <summary>never: both harnesses' default for causal models until November 2025, but see
    /// <see cref="TaskOptions.ResolveBos"/></summary>
    None,
    /// <summary>if the model's tokenizer puts one before texts</summary>
    Auto,
    /// <summary>always</summary>
    Always,
}

/// <summary>How benchmark tasks are scored.</summary>
public sealed record TaskOptions
{
    /// <summary>whose rules hold</summary>
    public HarnessVersion Harness { get; init; } = HarnessVersion.V2023;
    /// <summary>examples before each question; null takes each task's usual number</summary>
    [Within(0, 10000)]
    public int? NumFewshot { get; init; }
    /// <summary>only the first documents in the harness's order: a number, or below 1 a share of them; null takes all</summary>
    [Within(0, 1e9, Above = true)]
    public double? Limit { get; init; }
    public BosMode Bos { get; init; } = BosMode.None;
    /// <summary>tokens of the longest text, cut from the left; null takes the model's window</summary>
    [Within(1, 1 << 27)]
    public int? MaxLength { get; init; }
    /// <summary>texts read together; null takes as many as suit their length</summary>
    [Within(1, 1 << 16)]
    public int? BatchSize { get; init; }
    /// <summary>resamples behind the standard error of a perplexity</summary>
    [Within(2, 1e7)]
    public int BootstrapIters { get; init; } = 100_000;
    /// <summary>how much a task's file may ask for; scores do not depend on it</summary>
    [JsonIgnore]
    public LimitOptions Limits { get; init; } = new();

    /// <summary>
    /// These options as the harness takes them for a kind of model: from 0.4 on it puts BOS before every text of a Gemma,
    /// whatever it is asked.
    /// </summary>
    /// <param name="modelType">config.json's model_type</param>
    public TaskOptions ResolveBos(string modelType) =>
        Harness == HarnessVersion.V04 && modelType.Contains("gemma", StringComparison.Ordinal) ? this with { Bos = BosMode.Always } : this;

    /// <summary>Throws one error that names every setting out of range.</summary>
    public void Validate() => OptionCheck.Require("Tasks", this);
}
