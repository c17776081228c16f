using System.Text.Json;
using Skipwise.Storage;

namespace Skipwise.Reports;

/// <summary>
/// The results of <c>skipwise demo</c>: the content of <c>results.json</c> (snake_case). The report is rendered from it and the trials,
/// without a model.
/// </summary>
internal sealed record DemoResults
{
    /// <summary>Lc: the base model's window in tokens, and the longest window of the fine-tune</summary>
    public required int TrainLength { get; init; }
    /// <summary>Lt: the target window in tokens</summary>
    public required int TargetLength { get; init; }
    /// <summary>perplexity by variant and window</summary>
    public required IReadOnlyList<PerplexityPoint> Perplexity { get; init; }
    /// <summary>passkey accuracy by variant and length</summary>
    public required IReadOnlyList<PasskeyPoint> Passkey { get; init; }
    /// <summary>wall-clock seconds by stage, in the order they ran</summary>
    public required IReadOnlyDictionary<string, double> Seconds { get; init; }
    /// <summary>the base model's name</summary>
    public string? Model { get; init; }
    /// <summary>the RoPE scaling: <c>ntk, factor 16</c></summary>
    public string? Rope { get; init; }
    /// <summary>the seed of the fine-tune</summary>
    public long? Seed { get; init; }
    /// <summary>tokens in the longest training window of any fine-tune, counted during training</summary>
    public int? LongestTrainingWindow { get; init; }
    /// <summary>further settings for the report, by name</summary>
    public IReadOnlyDictionary<string, string>? Settings { get; init; }
    /// <summary>loss by step, by variant</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<TrainingPoint>>? Training { get; init; }
    /// <summary>the success criteria with their results</summary>
    public IReadOnlyList<DemoCriterion>? Bars { get; init; }
    /// <summary>the position ids of a few training examples, each as runs of consecutive ids</summary>
    public IReadOnlyList<IReadOnlyList<PositionRun>>? Examples { get; init; }

    /// <summary>Writes <c>results.json</c> atomically.</summary>
    /// <exception cref="SkipwiseException">the file cannot be written</exception>
    public void Write(string path) => AtomicFile.WriteText(path, Text());

    /// <summary>The file's text.</summary>
    public string Text() => JsonSerializer.Serialize(this, ReportJson.Indented) + "\n";

    /// <summary>Reads <c>results.json</c>.</summary>
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
