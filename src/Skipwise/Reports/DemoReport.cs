using System.Globalization;
using Skipwise.Reports.Plots;

namespace Skipwise.Reports;

/// <summary>Builds the demo's report from its results.</summary>
internal static class DemoReport
{
    /// <summary>Builds the report.</summary>
    /// <param name="results">the results</param>
    /// <param name="trials">every passkey trial, for the depth maps; may be empty</param>
    /// <param name="nextCommand">the command that extends the reader's own model</param>
    public static Report Build(DemoResults results, IReadOnlyList<DemoTrial> trials, string nextCommand)
    {
        ReportSummary summary = DemoSummary.Of(results);
        return new($"PoSE: from {results.TrainLength} to {results.TargetLength} tokens", summary.Lead,
        [
            new("Success criteria", Criteria(results)),
            summary.InWords,
            new("Passkey retrieval", [.. Passkey(results, trials)]),
            new("Perplexity by window", [.. Perplexity(results)]),
            new("The fine-tune", [.. Training(results)]),
            new("The run", Run(results)),
            new("Your own model", new ReportBlock.Text("The same for a Hugging Face folder of yours and your own text:"),
                new ReportBlock.Code(nextCommand)),
        ])
        { Picture = Picture(results) };
    }

    private static ReportBlock.Plot? Picture(DemoResults r) => r.Passkey.Count == 0 ? null : new(
        AccuracyHeatmap.ByModel("Passkey retrieval", [.. r.Passkey.Select(p => new LengthPoint(p.Variant, p.Length, p.Accuracy))],
            r.TrainLength, ModelLegend.Demo),
        "passkey", "Passkey retrieval: fraction of trials with the whole key retrieved, by prompt length.");

    private static IReadOnlyList<ReportBlock> Criteria(DemoResults r) => r.Bars is not { Count: > 0 } criteria ? [] :
    [
        new ReportBlock.Table("Required and measured", ["criterion", "required", "measured", "met"],
            [.. criteria.Select(criterion =>
                (IReadOnlyList<ReportCell>)[criterion.Name, criterion.Required, NumberFormat.Short(criterion.Measured),
                    new ReportCell(criterion.Met ? "yes" : "no") { Passed = criterion.Met }])]),
    ];

    private static IEnumerable<ReportBlock> Passkey(DemoResults r, IReadOnlyList<DemoTrial> trials)
    {
        if (r.Passkey.Count == 0)
        {
            yield break;
        }
        yield return new ReportBlock.Text(
            "A number of up to five digits is hidden in a filler text; the prompt asks for it at the end. A trial is correct if every " +
            "digit is right. The picture at the top shows these values.");
        yield return LengthTable("Accuracy; below it the trials and the 95 % interval", r,
            r.Passkey.Select(p => (p.Variant, p.Length,
            new ReportCell(NumberFormat.Fraction(p.Accuracy), $"{DemoSummary.Correct(p)} of {p.Trials}", Interval(p)))));
        if (trials.Count > 0)
        {
            DepthTrial[] depths = [.. trials.Select(t => new DepthTrial(t.Variant, t.Length, t.Depth, t.Correct ? 1 : 0))];
            yield return new ReportBlock.SmallPlots(
                [.. ModelLegend.Demo.Ordered(trials.Select(t => t.Variant))
                    .Select(v =>
                        (DemoVariant.Label(v), AccuracyHeatmap.ByDepth("Passkey retrieval", depths, v, r.TrainLength, ModelLegend.Demo)))],
                        "depth",
                "The same trials by the depth of the key: 0 % is the start of the prompt, 100 % its end, right before the question.");
        }
    }

    private static string Interval(PasskeyPoint p) =>
        p is { IntervalLow: { } low, IntervalHigh: { } high } ? $"{NumberFormat.Fraction(low)}–{NumberFormat.Fraction(high)}" : "";

    private static IEnumerable<ReportBlock> Perplexity(DemoResults r)
    {
        if (r.Perplexity.Count == 0)
        {
            yield break;
        }
        LengthPoint[] points = [.. r.Perplexity.Select(p => new LengthPoint(p.Variant, p.Length, p.Value, p.StandardError))];
        int[] documents = [.. r.Perplexity.Select(p => p.Documents).Distinct()];
        bool clipped = points.Any(p => p.Value > LengthPlot.Ceiling(points));
        yield return new ReportBlock.Plot(LengthPlot.Perplexity(points, r.TrainLength, ModelLegend.Demo), "perplexity",
            $"Perplexity on held-out text with the whole window as context; lower is better. Bars: 95 % of the draws " +
            $"of documents.{(clipped ? " Arrows: too large for this axis; the number is next to the arrow." : "")}");
        yield return LengthTable($"Perplexity ± standard error over {(documents.Length == 1 ? $"{documents[0]} documents" : "documents")}",
            r, r.Perplexity.Select(p => (p.Variant, p.Length,
            new ReportCell(NumberFormat.Perplexity(p.Value),
                double.IsNaN(p.StandardError) ? "" : $"± {NumberFormat.Error(p.StandardError)}",
                documents.Length == 1 ? "" : $"{p.Documents} documents"))));
    }

    private static ReportBlock.Table LengthTable(string caption, DemoResults r,
        IEnumerable<(string Variant, int Length, ReportCell Cell)> cells)
    {
        var all = cells.ToList();
        int[] lengths = [.. all.Select(c => c.Length).Distinct().Order()];
        return new(caption, ["", .. lengths.Select(l => $"{l} ({NumberFormat.Multiple(l, r.TrainLength)})")],
            [.. ModelLegend.Demo.Ordered(all.Select(c => c.Variant)).Select(variant => (IReadOnlyList<ReportCell>)
                [DemoVariant.Label(variant),
                    .. lengths.Select(l => all.FirstOrDefault(c => c.Variant == variant && c.Length == l).Cell ?? ReportCell.Empty)])]);
    }

    private static IEnumerable<ReportBlock> Training(DemoResults r)
    {
        if (r.Examples is { Count: > 0 } examples)
        {
            yield return new ReportBlock.Plot(PositionIdsPlot.Figure(examples, r.TrainLength, r.TargetLength), "positions",
                $"Position ids of {examples.Count} training examples. Each is a window of at most " +
                $"{examples.Max(e => e.Sum(run => run.Length))} tokens; where one chunk ends, the ids skip ahead, so that many examples " +
                $"together contain distances up to the target length.");
        }
        if (r.Training is { Count: > 0 } training)
        {
            yield return new ReportBlock.Plot(LossPlot.Figure(training, ModelLegend.Demo), "loss",
                "Training loss: single steps faintly, the moving average in full color. Training on skipped and on contiguous positions " +
                "are different tasks, so the two losses need not agree.");
            yield return new ReportBlock.Table("Loss and learning rate",
                ["variant", "steps", "first loss", "last loss", "highest learning rate"],
                [.. ModelLegend.Demo.Ordered(training.Keys).Where(v => training[v].Count > 0).Select(v => (IReadOnlyList<ReportCell>)
                    [DemoVariant.Label(v), $"{training[v][^1].Step}", NumberFormat.Short(training[v][0].Loss),
                        NumberFormat.Short(training[v][^1].Loss), NumberFormat.Short(training[v].Max(p => p.LearningRate))])]);
        }
    }

    private static IReadOnlyList<ReportBlock> Run(DemoResults r)
    {
        (string Name, string? Value)[] settings =
        [
            ("base model", r.Model), ("train length", $"{r.TrainLength} tokens"), ("target length", $"{r.TargetLength} tokens"),
            ("RoPE scaling", r.Rope),
            ("seed", r.Seed?.ToString(CultureInfo.InvariantCulture)),
            .. (r.Settings ?? new Dictionary<string, string>()).Select(s => (s.Key, (string?)s.Value)),
        ];
        return
        [
            new ReportBlock.Columns(
                Pairs("Settings", settings.Where(s => s.Value is not null).Select(s => (s.Name, s.Value!))),
                Pairs("Seconds by stage", r.Seconds.Select(s => (s.Key, NumberFormat.Seconds(s.Value))))),
            new ReportBlock.Text("All numbers are in results.json, every prompt's key and response in passkey-trials.jsonl."),
        ];
    }

    private static ReportBlock.Table Pairs(string caption, IEnumerable<(string Name, string Value)> pairs) =>
        new(caption, ["", ""], [.. pairs.Select(p => (IReadOnlyList<ReportCell>)[p.Name, p.Value])]);
}
