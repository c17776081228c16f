using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Skipwise.Evaluation.Results;

/// <summary>One number of an evaluation, the same shape for every task. Fields that do not apply are null and left out of the
/// JSON.</summary>
public sealed record EvaluationRecord
{
    /// <summary>perplexity, passkey, ...</summary>
    public required string Task { get; init; }
    /// <summary>perplexity, accuracy, ...</summary>
    public required string Metric { get; init; }
    /// <summary>window or prompt length in tokens</summary>
    public int? Length { get; init; }
    /// <summary>[first, last] position in the window that the value is about, where it is about some of them only</summary>
    public IReadOnlyList<int>? Positions { get; init; }
    public required double Value { get; init; }
    /// <summary>of the value, over documents, trials or questions</summary>
    public double? StandardError { get; init; }
    /// <summary>95 % confidence interval [low, high], where the standard error does not serve (a proportion near 0 or 1)</summary>
    public IReadOnlyList<double>? Interval { get; init; }
    /// <summary>what the value is a mean over: tokens, trials, questions</summary>
    public long? Count { get; init; }
    /// <summary>name or folder of the model</summary>
    public string? Model { get; init; }
    /// <summary>the options that were in force</summary>
    public JsonObject? Settings { get; init; }
    /// <summary>
    /// what each document, trial or question, in their order, makes of the value: their mean is the value, and the standard error of that
    /// mean the value's. Of a value that is no mean (a perplexity), to first order. Two models' samples of the same questions can be
    /// compared one by one.
    /// </summary>
    [JsonIgnore]
    public IReadOnlyList<double>? Samples { get; init; }
}
