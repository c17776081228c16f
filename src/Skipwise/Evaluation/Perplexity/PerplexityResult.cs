using Skipwise.Evaluation.Results;

namespace Skipwise.Evaluation.Perplexity;

/// <summary>Perplexity at one window length.</summary>
/// <param name="Window">W in tokens, BOS included</param>
/// <param name="Perplexity">exp(sum of losses / tokens), over the tokens of all documents</param>
/// <param name="StandardError">of the perplexity, over documents; null with fewer than two</param>
/// <param name="Count">tokens scored</param>
/// <param name="Documents">documents they come from</param>
public sealed record PerplexityResult(int Window, double Perplexity, double? StandardError, long Count, int Documents)
{
    /// <summary>mean loss by position in the window, in equal parts, parts without tokens omitted; empty unless requested</summary>
    public IReadOnlyList<PositionLoss> ByPosition { get; init; } = [];

    /// <summary>each document's contribution to the perplexity; see <see cref="EvaluationRecord.Samples"/></summary>
    public IReadOnlyList<double>? Samples { get; init; }

    /// <summary>The result from each document's summed loss and number of tokens. The standard error follows by the delta method: se(exp
    /// r) = exp(r) se(r).</summary>
    public static PerplexityResult FromDocuments(int window, IReadOnlyList<(double Loss, long Tokens)> documents)
    {
        MeanLoss loss = MeanLoss.FromDocuments(documents);
        double perplexity = Math.Exp(loss.Mean);
        return new(window, perplexity, perplexity * loss.StandardError, loss.Count, loss.Documents)
        {
            Samples = [.. loss.Samples(documents).Select(sample => perplexity * (1 + sample - loss.Mean))],
        };
    }

    /// <summary>The result as a record.</summary>
    /// <param name="model">name or folder of the model</param>
    public EvaluationRecord ToRecord(string model, PerplexityOptions options) => new()
    {
        Task = "perplexity",
        Metric = "perplexity",
        Length = Window,
        Value = Perplexity,
        StandardError = StandardError,
        Count = Count,
        Model = model,
        Settings = EvaluationJson.Settings(options, ("documents", Documents)),
        Samples = Samples,
    };

    /// <summary>The losses by position as records, in nats.</summary>
    /// <param name="model">name or folder of the model</param>
    public IEnumerable<EvaluationRecord> PositionRecords(string model, PerplexityOptions options) =>
        ByPosition.Select(part => new EvaluationRecord
        {
            Task = "perplexity",
            Metric = "loss",
            Length = Window,
            Positions = [part.From, part.To],
            Value = part.Loss.Mean,
            StandardError = part.Loss.StandardError,
            Count = part.Loss.Count,
            Model = model,
            Settings = EvaluationJson.Settings(options, ("documents", part.Loss.Documents)),
        });
}
