using Skipwise.Reports;

namespace Skipwise.Reproduction;

/// <summary>Builds the report of one experiment or several.</summary>
internal static class ReproductionReport
{
    /// <summary>Builds the report.</summary>
    /// <param name="results">in the order of the paper; at least one</param>
    public static Report Build(IReadOnlyList<ReproductionResult> results) => new(
        results is [var only] ? only.Title : "The paper, claim by claim",
        Lead(results),
        results is [var single]
            ? Sections(single)
            : [new("Verdicts", Overview(results)), .. results.SelectMany(Sections)]);

    /// <summary>The outcome in two sentences.</summary>
    public static IReadOnlyList<string> Lead(IReadOnlyList<ReproductionResult> results)
    {
        Verdict[] verdicts = [.. results.SelectMany(result => result.Verdicts)];
        int Count(Outcome outcome) => verdicts.Count(verdict => verdict.Outcome == outcome);
        int[] seeds =
        [
            .. results.SelectMany(result => result.Tables).SelectMany(table => table.Rows).SelectMany(row => row.Cells)
                .Select(cell => cell?.Seeds ?? 0).Concat(verdicts.Select(verdict => verdict.Seeds)).Where(count => count > 0),
        ];
        return
        [
            $"Of {verdicts.Length} claims, {Count(Outcome.Holds)} hold at this scale, {Count(Outcome.DoesNotHold)} do not, and " +
            $"{Count(Outcome.NotDecided)} are not decided.",
            seeds.DefaultIfEmpty(0).Max() switch
            {
                0 => "Nothing is trained: no seed decides these numbers.",
                1 => $"Scale {results[0].Scale}: ONE seed of every fine-tune, so that the randomness of training is in no interval.",
                var most when seeds.Min() == 1 => $"Scale {results[0].Scale}: ONE seed of most fine-tunes, so that the randomness of " +
                    $"training is in no interval, and up to {most} of others.",
                var most => $"Scale {results[0].Scale}: {(seeds.Min() < most ? $"{seeds.Min()} to " : "")}{most} seeds of every fine-tune" +
                    ", whose numbers are means over them.",
            },
        ];
    }

    private static ReportBlock.Table Overview(IReadOnlyList<ReproductionResult> results) => new(
        "Every verdict is computed from the numbers by the rule that stands beside it below", ["claim", "verdict"],
        [.. from result in results
            from verdict in result.Verdicts
            select (IReadOnlyList<ReportCell>)[new ReportCell(verdict.Claim.Statement, result.Title), OutcomeCell(verdict)]]);

    private static IReadOnlyList<ReportSection> Sections(ReproductionResult result) =>
    [
        new(result.Title,
        [
            Verdicts(result.Verdicts),
            new ReportBlock.Columns([.. result.Tables.Select(table => table.Block()), .. Numbers(result.Paper)]),
            .. result.Plots,
            new ReportBlock.Items(result.Protocol),
        ]),
    ];

    private static IEnumerable<ReportBlock.Table> Numbers(PaperTable? paper) => paper is null ? [] : [paper.Block()];

    // two columns, so that it can be read on a phone
    private static ReportBlock.Table Verdicts(IReadOnlyList<Verdict> verdicts) => new(
        "Claims and verdicts", ["claim", "verdict"],
        [.. verdicts.Select(verdict => (IReadOnlyList<ReportCell>)
            [
                new ReportCell(verdict.Claim.Statement,
                    verdict.Claim.Paper is { } paper ? $"paper: {paper}" : "beyond the paper", $"rule: {verdict.Claim.Rule}",
                    $"measured: {verdict.Measured()}", verdict.Explanation ?? ""),
                OutcomeCell(verdict),
            ])]);

    private static ReportCell OutcomeCell(Verdict verdict) => new(verdict.InWords())
    {
        Passed = verdict.Outcome switch
        {
            Outcome.Holds => true,
            Outcome.DoesNotHold => false,
            _ => null,
        },
    };
}
