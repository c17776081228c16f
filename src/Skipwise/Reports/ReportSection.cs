namespace Skipwise.Reports;

/// <summary>A heading with its blocks.</summary>
internal sealed record ReportSection(string Heading, params IReadOnlyList<ReportBlock> Blocks);
