using System.Globalization;
using Skipwise.Evaluation.Needles;
using Skipwise.Evaluation.Passkey;
using Skipwise.Evaluation.Perplexity;
using Skipwise.Evaluation.Ruler;
using Skipwise.Evaluation.Tasks;
using Skipwise.Reports;
using Skipwise.Reports.Comparing;

namespace Skipwise.Cli.Display;

/// <summary>The tables of the evaluations and of the demo: each number with what it is worth.</summary>
internal static class ResultTables
{
    public static ResultTable Perplexity(IReadOnlyList<PerplexityResult> results) => new(
        "Perplexity by window",
        ["window", "perplexity", "± s.e.", "tokens", "documents"],
        [.. results.Select(r => (IReadOnlyList<string>)
            [$"{r.Window}", NumberFormat.Perplexity(r.Perplexity), r.StandardError is { } error ? NumberFormat.Error(error) : "",
                $"{r.Count}", $"{r.Documents}"])]);

    public static ResultTable LossByPosition(IReadOnlyList<PerplexityResult> results) => new(
        "Mean loss in nats by position in the window",
        ["window", "positions", "loss", "± s.e.", "tokens", "documents"],
        [.. results.SelectMany(r => r.ByPosition.Select(part => (IReadOnlyList<string>)
            [$"{r.Window}", $"{part.From}..{part.To}", $"{part.Loss.Mean:F4}", part.Loss.StandardError is { } error ? $"{error:F4}" : "",
                $"{part.Loss.Count}", $"{part.Loss.Documents}"]))]);

    public static ResultTable Passkey(IReadOnlyList<PasskeyResult> results) => new(
        "Passkey retrieval by length",
        ["length", "retrieved", "accuracy", "95 % interval"],
        [.. results.Select(r => (IReadOnlyList<string>)
            [$"{r.Length}", $"{r.Correct}/{r.Count}", NumberFormat.Fraction(r.Accuracy),
                $"{NumberFormat.Fraction(r.Interval.Low)}-{NumberFormat.Fraction(r.Interval.High)}"])]);

    public static ResultTable Needle(IReadOnlyList<NeedleResult> results) => new(
        "Needles found by length",
        ["length", "found", "accuracy", "95 % interval", "ln p of the answer"],
        [.. results.Select(r => (IReadOnlyList<string>)
            [$"{r.Length}", $"{r.Correct}/{r.Count}", NumberFormat.Fraction(r.Accuracy),
                $"{NumberFormat.Fraction(r.Interval.Low)}-{NumberFormat.Fraction(r.Interval.High)}", NumberFormat.Fraction(r.LogProb)])]);

    /// <summary>RULER's tasks, a row per task, a column per length, and their average.</summary>
    public static ResultTable Ruler(RulerSummary summary) => new(
        "RULER: percent of the answers found, with the 95 % interval, by length in tokens",
        ["task", .. summary.Averages.Select(average => $"{average.Length}")],
        [
            .. summary.Results.GroupBy(r => r.Task.Name).Select(task => (IReadOnlyList<string>)
                [task.Key, .. task.OrderBy(r => r.Length)
                    .Select(r => $"{Percent(r.Value)} ({Percent(r.Interval.Low)}-{Percent(r.Interval.High)})")]),
            ["average", .. summary.Averages.Select(average => Percent(average.Value) +
                (average.StandardError is { } error ? $" ± {Percent(error)}" : ""))],
        ]);

    private static string Percent(double value) => value.ToString("0.0", CultureInfo.InvariantCulture);

    /// <summary>Trials passed of trials made, a row per length, a column per depth of a grid.</summary>
    public static ResultTable Grid(IReadOnlyList<(int Length, IReadOnlyList<(double Depth, int Correct, int Count)> Cells)> lengths) => new(
        "... by depth",
        ["length", .. lengths[0].Cells.Select(cell => NumberFormat.Fraction(cell.Depth))],
        [.. lengths.Select(length =>
            (IReadOnlyList<string>)[$"{length.Length}", .. length.Cells.Select(cell => $"{cell.Correct}/{cell.Count}")])]);

    public static ResultTable Tasks(IReadOnlyList<TaskResult> results) => new(
        "Benchmark tasks",
        ["task", "metric", "value", "± s.e.", "questions", "few-shot", "cut"],
        [.. results.Select(r => (IReadOnlyList<string>)
            [r.Task, r.Metric, Fraction(r.Metric, r.Value), r.StandardError is { } error ? Fraction(r.Metric, error) : "", $"{r.Count}",
                $"{r.Shots}", $"{r.CutTexts}"])]);

    /// <summary>The demo's perplexities, a row per variant, a column per window.</summary>
    public static ResultTable Perplexity(DemoResults results) => ByLength(
        "Perplexity ± standard error, by window in tokens",
        [.. results.Perplexity.Select(p =>
            (p.Variant, p.Length,
                double.IsNaN(p.StandardError) ? NumberFormat.Perplexity(p.Value)
                    : $"{NumberFormat.Perplexity(p.Value)}±{NumberFormat.Error(p.StandardError)}"))]);

    /// <summary>The demo's passkeys, a row per variant, a column per prompt length.</summary>
    public static ResultTable Passkey(DemoResults results) => ByLength(
        $"Passkey accuracy, by prompt length in tokens ({string.Join(", ", results.Passkey.Select(p => p.Trials).Distinct())} trials " +
        $"each)",
        [.. results.Passkey.Select(p => (p.Variant, p.Length, NumberFormat.Fraction(p.Accuracy)))]);

    /// <summary>What the demo promises, and whether it holds.</summary>
    public static ResultTable Bars(IReadOnlyList<DemoCriterion> bars) => new(
        "Success criteria", ["criterion", "required", "measured", "met"],
        [.. bars.Select(bar => (IReadOnlyList<string>)[bar.Name, bar.Required, NumberFormat.Short(bar.Measured), bar.Met ? "yes" : "NO"])]);

    /// <summary>Models side by side: a row per number, a column per model.</summary>
    public static ResultTable Comparison(Comparison comparison) => new(
        "Comparison",
        ["", .. comparison.Models.Select(model => model.Name)],
        [.. ComparisonRows.Build(comparison).Select(row => (IReadOnlyList<string>)[row.Name, .. row.Cells])]);

    /// <summary>The limits that were asked for, and whether they hold: one line each.</summary>
    public static IEnumerable<string> Gates(IReadOnlyList<GateResult> gates) =>
        gates.Select(gate => $"gate {gate.Name}: {(gate.Passed ? "passed" : "FAILED")}: {gate.Model}: {gate.Finding}");

    /// <summary>Four digits, as tables of benchmarks have them.</summary>
    private static string Fraction(string metric, double value) =>
        metric == "perplexity" ? NumberFormat.Perplexity(value) : value.ToString("0.0000", CultureInfo.InvariantCulture);

    private static ResultTable ByLength(string title, (string Variant, int Length, string Cell)[] cells)
    {
        int[] lengths = [.. cells.Select(c => c.Length).Distinct().Order()];
        return new ResultTable(title, ["", .. lengths.Select(length => $"{length}")],
            [.. cells.Select(c => c.Variant).Distinct().Select(variant => (IReadOnlyList<string>)
                [DemoVariant.Label(variant),
                    .. lengths.Select(length => cells.FirstOrDefault(c => c.Variant == variant && c.Length == length).Cell ?? "")])]);
    }
}
