namespace Skipwise.Reports;

/// <summary>A heading and what belongs to it.</summary>
public sealed record ReportSection(string Heading, params IReadOnlyList<ReportBlock> Blocks);
