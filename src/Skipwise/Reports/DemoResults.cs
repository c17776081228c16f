using System.Text.Json;
using Skipwise.Storage;

namespace Skipwise.Reports;

/// <summary>
/// Everything that <c>skipwise demo</c> measured, as it stands in <c>results.json</c> (snake_case). The report is
/// rendered from this alone (and the trials beside it), so rendering again needs no model.
/// </summary>
public sealed record DemoResults
{
    /// <summary>Lc: the base model's window in tokens, and the longest window of the fine-tune</summary>
    public required int TrainLength { get; init; }
    /// <summary>Lt: the window in tokens that the fine-tune aims for</summary>
    public required int TargetLength { get; init; }
    public required IReadOnlyList<PerplexityPoint> Perplexity { get; init; }
    public required IReadOnlyList<PasskeyPoint> Passkey { get; init; }
    /// <summary>wall-clock seconds by stage, in the order they ran</summary>
    public required IReadOnlyDictionary<string, double> Seconds { get; init; }
    /// <summary>the base model's name</summary>
    public string? Model { get; init; }
    /// <summary>how positions were stretched, as a reader would type it: <c>ntk, factor 16</c></summary>
    public string? Rope { get; init; }
    /// <summary>the seed of the fine-tune</summary>
    public long? Seed { get; init; }
    /// <summary>tokens in the longest window that any fine-tune saw, counted while it ran</summary>
    public int? LongestTrainingWindow { get; init; }
    /// <summary>further settings worth a line in the report, by name</summary>
    public IReadOnlyDictionary<string, string>? Settings { get; init; }
    /// <summary>loss by step, by variant</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<TrainingPoint>>? Training { get; init; }
    /// <summary>what the demo promises, held against what it measured</summary>
    public IReadOnlyList<DemoCriterion>? Bars { get; init; }
    /// <summary>the position ids of a few training examples, each as its runs of consecutive ids</summary>
    public IReadOnlyList<IReadOnlyList<PositionRun>>? Examples { get; init; }

    /// <summary>Writes <c>results.json</c>: to a temporary name beside it, then renamed.</summary>
    /// <exception cref="SkipwiseException">the file cannot be written</exception>
    public void Write(string path) => AtomicFile.WriteText(path, Text());

    /// <summary>What the file holds.</summary>
    public string Text() => JsonSerializer.Serialize(this, ReportJson.Indented) + "\n";

    /// <exception cref="SkipwiseException">the file is missing, is not JSON, or lacks a required member</exception>
    public static DemoResults Read(string path)
    {
        DemoResults results;
        try
        {
            results = JsonText.Deserialize<DemoResults>(TextFile.Read(path), ReportJson.Indented);
        }
        catch (JsonException e)
        {
            throw new SkipwiseException($"{path}: not the results of a demo: {e.Message} Run the demo again to write it anew", e);
        }
        if (results.Training?.Values.Any(points => points is null) == true)
        {
            throw new SkipwiseException($"{path}: a variant's training is null. Run the demo again to write it anew");
        }
        IEnumerable<int> lengths =
            [results.TrainLength, results.TargetLength, .. results.Perplexity.Select(p => p.Length),
                .. results.Passkey.Select(p => p.Length)];
        return lengths.All(length => length > 0)
            ? results
            : throw new SkipwiseException(
                $"{path}: found a length of {lengths.Min()} tokens, expected every length to be at least 1. Run the demo again to write " +
                $"it anew");
    }
}
