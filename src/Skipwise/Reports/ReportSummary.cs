namespace Skipwise.Reports;

/// <summary>A report's outcome in sentences, of which a reader in a hurry reads the first ones alone.</summary>
/// <param name="Lead">the most important sentences, at most three; the report opens with them</param>
/// <param name="Others">the remaining sentences in reading order, the cautions last; none of the lead is among them, some give its
/// details</param>
internal sealed record ReportSummary(IReadOnlyList<string> Lead, IReadOnlyList<string> Others)
{
    /// <summary>The section of the remaining sentences; empty if there are none.</summary>
    public ReportSection InWords => new("In words", Others.Count == 0 ? [] : [new ReportBlock.Items(Others)]);
}
