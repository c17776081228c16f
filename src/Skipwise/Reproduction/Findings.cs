using Skipwise.Reports;

namespace Skipwise.Reproduction;

/// <summary>What an experiment found: everything of a result that is not the same for all experiments.</summary>
internal sealed record Findings
{
    /// <summary>number of seeds of every training; null: the scale's</summary>
    public int? Seeds { get; init; }
    /// <summary>sentences: what was trained and measured, and how</summary>
    public required IReadOnlyList<string> Protocol { get; init; }
    /// <summary>the measured numbers</summary>
    public required IReadOnlyList<NumberTable> Tables { get; init; }
    /// <summary>the verdicts</summary>
    public required IReadOnlyList<Verdict> Verdicts { get; init; }
    /// <summary>plots in the paper's form; their names begin with the experiment's</summary>
    public required IReadOnlyList<ReportBlock> Plots { get; init; }
    /// <summary>every measured value as a JSON line</summary>
    public required IReadOnlyList<string> RawLines { get; init; }
}
