using System.Text.Json.Serialization;
using Skipwise.Reports;

namespace Skipwise.Reproduction;

/// <summary>What came of an experiment.</summary>
internal sealed record ReproductionResult
{
    /// <summary>name of the experiment</summary>
    public required string Name { get; init; }
    /// <summary>its heading</summary>
    public required string Title { get; init; }
    /// <summary>the scale that it was run at</summary>
    public required string Scale { get; init; }
    /// <summary>number of seeds of every training</summary>
    public required int Seeds { get; init; }
    /// <summary>sentences: what was trained and measured, and how</summary>
    public required IReadOnlyList<string> Protocol { get; init; }
    /// <summary>the paper's numbers; null: the question is beyond the paper</summary>
    public required PaperTable? Paper { get; init; }
    /// <summary>the measured numbers</summary>
    public required IReadOnlyList<NumberTable> Tables { get; init; }
    /// <summary>the verdicts</summary>
    public required IReadOnlyList<Verdict> Verdicts { get; init; }
    /// <summary>plots in the paper's form; their names begin with the experiment's</summary>
    [JsonIgnore]
    public IReadOnlyList<ReportBlock> Plots { get; init; } = [];
    /// <summary>every measured value as a JSON line</summary>
    [JsonIgnore]
    public IReadOnlyList<string> RawLines { get; init; } = [];
}
