using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Skipwise.Evaluation.Results;

/// <summary>One value of an evaluation, in the same form for every task. Fields that do not apply are null and omitted from the
/// JSON.</summary>
public sealed record EvaluationRecord
{
    /// <summary>perplexity, passkey, ...</summary>
    public required string Task { get; init; }
    /// <summary>perplexity, accuracy, ...</summary>
    public required string Metric { get; init; }
    /// <summary>window or prompt length in tokens</summary>
    public int? Length { get; init; }
    /// <summary>[first, last] position in the window, if the value is about some positions only</summary>
    public IReadOnlyList<int>? Positions { get; init; }
    /// <summary>the value of the metric</summary>
    public required double Value { get; init; }
    /// <summary>standard error of the value, over documents, trials or questions</summary>
    public double? StandardError { get; init; }
    /// <summary>95 % confidence interval [low, high], if the standard error is unsuitable (a proportion near 0 or 1)</summary>
    public IReadOnlyList<double>? Interval { get; init; }
    /// <summary>number of tokens, trials or questions that the value is a mean of</summary>
    public long? Count { get; init; }
    /// <summary>name or folder of the model</summary>
    public string? Model { get; init; }
    /// <summary>the options of the evaluation</summary>
    public JsonObject? Settings { get; init; }
    /// <summary>
    /// the contribution of each document, trial or question to the value, in order; to first order if the value is no mean (a perplexity).
    /// Their mean is the value, and the standard error of that mean is the value's. Samples of two models on the same questions are paired.
    /// </summary>
    [JsonIgnore]
    public IReadOnlyList<double>? Samples { get; init; }
}
