using System.Globalization;
using System.Text.Json.Nodes;
using Skipwise.Evaluation.Results;

namespace Skipwise.Reports.Comparing;

/// <summary>The report of a comparison: every value in a table, with its error and a link to its raw line.</summary>
internal static class ComparisonReport
{
    /// <summary>The sections by length, in this order.</summary>
    private static readonly LengthSection[] s_byLength =
    [
        new("Perplexity by window", "perplexity", "perplexity", MetricFormat.Perplexity,
            "Perplexity on the documents with the whole window as context; lower is better. Bars: 95 % of the draws " +
            "of documents."),
        new("Passkey retrieval", "passkey", "accuracy", MetricFormat.Fraction,
            "Accuracy: fraction of trials in which the whole number hidden in filler text was generated, by prompt length."),
        new("Needle in a haystack", "needle", "accuracy", MetricFormat.Fraction,
            "Accuracy: fraction of trials in which every token of the gold answer was the most probable one, by prompt length."),
        new("RULER", "ruler", "average", MetricFormat.Percent,
            "Average over the RULER tasks in percent, by prompt length."),
    ];

    /// <summary>Builds the report.</summary>
    /// <param name="comparison">what is reported</param>
    /// <param name="words">puts what the reader calls an option in the place of its name; null: <see cref="OptionName.InWords"/></param>
    public static Report Build(Comparison comparison, Func<string, string>? words = null)
    {
        words ??= OptionName.InWords;
        ModelLegend legend = ModelLegend.Create(comparison.Models.Select(model => model.Name));
        ReportSummary summary = ComparisonSummary.Of(comparison, withReasons: false);
        // Retrieval before perplexity: perplexity alone does not show that a window is used.
        LengthSection? first = s_byLength.Skip(1).Append(s_byLength[0]).FirstOrDefault(section => section.IsMeasured(comparison));
        ReportBlock.Plot? picture = first?.Plot(comparison, legend);
        return new(Title(comparison), summary.Lead,
        [
            new("Gates", [.. GateTable(Gates.Judge(comparison), words)]),
            summary.InWords,
            new("Effective length", [.. Effective(comparison)]),
            new("Short-window cost", [.. ShortCost(comparison)]),
            .. s_byLength.Take(1).Select(Chapter),
            new("Loss by position", [.. PositionSection.Blocks(comparison, legend)]),
            .. s_byLength.Skip(1).Select(Chapter),
            new("RULER by task", [.. RulerTasks(comparison)]),
            new("Other measurements", [.. Others(comparison)]),
            new("How it was measured", [.. Method(comparison, words)]),
        ])
        {
            Picture = picture is null ? null : picture with { Caption = $"{first!.Heading}. {picture.Caption}" },
            RawLines = comparison.Lines,
        };

        ReportSection Chapter(LengthSection section) =>
            new(section.Heading, [.. section.Blocks(comparison, legend, isPictured: section == first)]);
    }

    private static string Title(Comparison c) =>
        c.Models.Count == 1
        ? $"Evaluation of {c.Reference.Name}"
        : $"Comparison: {string.Join(", ", c.Models.Select(model => model.Name))}";

    private static IEnumerable<ReportBlock> GateTable(IReadOnlyList<GateResult> results, Func<string, string> words)
    {
        if (results.Count > 0)
        {
            yield return new ReportBlock.Table("Result of each gate", ["gate", "model", "found", "passed"],
                [.. results.Select(gate =>
                    (IReadOnlyList<ReportCell>)[words(gate.Name), gate.Model, words(gate.Finding),
                        new ReportCell(gate.Passed ? "yes" : "no") { Passed = gate.Passed }])]);
        }
    }

    private static IEnumerable<ReportBlock> Effective(Comparison c)
    {
        if (!c.Models.Any(model => c.EffectiveLength(model) is not null))
        {
            yield break;
        }
        yield return new ReportBlock.Table("Longest usable length, in tokens", ["model", "window", "effective length", "what ends it"],
        [
            .. c.Models.Select(model => c.EffectiveLength(model) is { } length && c.Find(model, "effective_length", "tokens") is { } record
                ? (IReadOnlyList<ReportCell>)[model.Name, $"{model.Window}",
                    new ReportCell(length.Tokens == 0 ? "none" : $"{length.Tokens}",
                        $"{length.Low}–{length.High}") { RawLine = c.Line(record) }, length.Limit ?? "no longer length was measured"]
                : [model.Name, $"{model.Window}", "", "no retrieval was measured"]),
        ]);
        yield return new ReportBlock.Text(EffectiveLength.Describe(c.Plan.EffectiveLength, c.OriginalWindow));
    }

    private static IEnumerable<ReportBlock> ShortCost(Comparison c)
    {
        var rows = new List<IReadOnlyList<ReportCell>>();
        if (c.Models.Any(model => c.Find(model, "perplexity", "perplexity", c.OriginalWindow) is not null))
        {
            rows.Add([$"perplexity at {c.OriginalWindow} tokens", .. c.Models.Select(model => Beside(
                Number(c, c.Find(model, "perplexity", "perplexity", c.OriginalWindow), MetricFormat.Perplexity), c, model,
                c.Find(model, "perplexity", "perplexity", c.OriginalWindow), NumberFormat.Percent))]);
        }
        rows.AddRange(c.Models.SelectMany(c.Benchmarks).Select(record => (record.Task, record.Metric)).Distinct()
            .Select(row => (IReadOnlyList<ReportCell>)
            [$"{row.Task} {row.Metric}", .. c.Models.Select(model => Beside(
                Benchmark(c, c.Benchmark(model, row.Task, row.Metric)), c, model, c.Benchmark(model, row.Task, row.Metric),
                NumberFormat.Change))]));
        if (rows.Count > 0)
        {
            yield return new ReportBlock.Table(
                c.Models.Count == 1 ? "At the original window, ± one standard error"
                    : $"At the original window, ± one standard error; below it the change against {c.Reference.Name}",
                ["", .. c.Models.Select(model => model.Name)], rows);
        }
        if (c.Models.Count > 1 && rows.Count > 0)
        {
            yield return new ReportBlock.Text(
                "The error of a change is that of the differences, question by question and document by document, if both models were " +
                "evaluated alike. If they were not, or it is not known, the error is that of two independent results, and the change is " +
                "marked unpaired.");
        }
    }

    /// <summary>A cell of a value with its change against the reference below it.</summary>
    internal static ReportCell Beside(ReportCell cell, Comparison c, ComparedModel model, EvaluationRecord? own,
        Func<double, string> format)
    {
        if (own is null || c.ChangeOf(model, own) is not { } record)
        {
            return cell;
        }
        var change = new Change(record.Value, record.StandardError, record.Settings![Comparison.PairedSetting]!.GetValue<bool>());
        return cell with
        {
            Qualifiers =
            [.. cell.Qualifiers,
                NumberFormat.Change(change, format) + (change.IsPaired || change.StandardError is null ? "" : ", unpaired")]
        };
    }

    private static IEnumerable<ReportBlock> RulerTasks(Comparison c)
    {
        EvaluationRecord[] tasks = [.. c.Models.SelectMany(c.RecordsOf).Where(IsRulerTask)];
        if (tasks.Length == 0)
        {
            yield break;
        }
        int[] lengths = [.. tasks.Select(record => record.Length!.Value).Distinct().Order()];
        foreach (ComparedModel model in c.Models)
        {
            ILookup<string, EvaluationRecord> own = c.RecordsOf(model).Where(IsRulerTask).ToLookup(record => record.Task);
            if (own.Count > 0)
            {
                yield return new ReportBlock.Table($"{model.Name}: RULER by task, percent",
                    ["task", .. lengths.Select(length => $"{length}")],
                    [.. own.Select(task =>
                        (IReadOnlyList<ReportCell>)[task.Key,
                            .. lengths.Select(length =>
                                Number(c, task.FirstOrDefault(record => record.Length == length), MetricFormat.Percent))])]);
            }
        }
    }

    /// <summary>The values that no other section shows.</summary>
    private static IEnumerable<ReportBlock> Others(Comparison c)
    {
        (string Task, string Metric, int? Length)[] rows =
        [
            .. c.Models.SelectMany(c.RecordsOf)
                .Where(record => record.Length is not null && Comparison.IsMeasured(record) && record.Settings!["depth"] is null
                    && !Comparison.IsBenchmark(record) && !Comparison.IsLossByPosition(record)
                    && !IsRulerTask(record) && !s_byLength.Any(section => section.Task == record.Task && section.Metric == record.Metric))
                .Select(record => (record.Task, record.Metric, record.Length)).Distinct(),
        ];
        if (rows.Length > 0)
        {
            yield return new ReportBlock.Table("", ["", .. c.Models.Select(model => model.Name)],
                [.. rows.Select(row =>
                    (IReadOnlyList<ReportCell>)[$"{row.Task} {row.Metric} at {row.Length}",
                        .. c.Models.Select(model =>
                            Beside(Number(c, c.Find(model, row.Task, row.Metric, row.Length), MetricFormat.Perplexity), c, model,
                                c.Find(model, row.Task, row.Metric, row.Length), NumberFormat.Change))])]);
        }
    }

    private static IEnumerable<ReportBlock> Method(Comparison c, Func<string, string> words)
    {
        yield return new ReportBlock.Table("Models",
            ["model", "window", "original window", "parameters", "rotary embedding", "fingerprint"],
            [.. c.Models.Select(model =>
                (IReadOnlyList<ReportCell>)[model.Name, $"{model.Window}", $"{model.OriginalWindow}",
                    model.Parameters.ToString("N0", CultureInfo.InvariantCulture), model.Rope, model.Fingerprint])]);
        EvaluationRecord[] measured = [.. c.RecordsOf(c.Reference).Where(Comparison.IsMeasured)];
        if (measured.Length > 0)
        {
            yield return new ReportBlock.Table($"Settings of {c.Reference.Name}'s measurements", ["task", "settings"],
                [.. measured.GroupBy(record => record.Task)
                    .Select(task => (IReadOnlyList<ReportCell>)[task.Key, SettingsInWords(task.First().Settings!)])]);
        }
        if (c.Plan.Skipped.Count > 0)
        {
            yield return new ReportBlock.Table("Not measured", ["task", "why"],
                [.. c.Plan.Skipped.Select(skipped => (IReadOnlyList<ReportCell>)[skipped.Task, words(skipped.Reason)])]);
        }
    }

    private static readonly string[] s_unsaid = [ResultsStore.KeySetting, "lengths", "windows", "depth", "batch_size"];

    private static string SettingsInWords(JsonObject settings) => string.Join(", ", settings
        .Where(setting => setting.Value is not null && !s_unsaid.Contains(setting.Key))
        .Select(setting =>
            $"{setting.Key.Replace('_', ' ')} " +
            (setting.Value is JsonValue value && value.TryGetValue(out string? text) ? text : setting.Value!.ToJsonString())));

    private static ReportCell Benchmark(Comparison c, EvaluationRecord? record) => record is null ? ReportCell.Empty
        : new ReportCell(NumberFormat.Short(record.Value), record.StandardError is { } error ? $"± {NumberFormat.Error(error)}" : "",
            record.Count is { } n ? $"of {n}" : "")
        { RawLine = c.Line(record) };

    private static bool IsRulerTask(EvaluationRecord record) =>
        record.Task.StartsWith("ruler_", StringComparison.Ordinal) && record.Length is not null;

    /// <summary>A cell of a value with its error, linked to its line.</summary>
    internal static ReportCell Number(Comparison c, EvaluationRecord? record, MetricFormat kind)
    {
        if (record is null)
        {
            return ReportCell.Empty;
        }
        string error = record.StandardError is { } e && double.IsFinite(e)
            ? $"± {NumberFormat.Error(e)}"
            : "", count = record.Count is { } n
            ? $"of {n}"
            : "";
        ReportCell cell = kind switch
        {
            MetricFormat.Fraction =>
                new(NumberFormat.Fraction(record.Value),
                    record.Interval is [var low, var high] ? $"{NumberFormat.Fraction(low)}–{NumberFormat.Fraction(high)}" : error, count),
            MetricFormat.Percent => new(NumberFormat.Score(record.Value), error),
            MetricFormat.Loss => new(NumberFormat.Fraction(record.Value), error),
            _ => new(NumberFormat.Perplexity(record.Value), error),
        };
        return cell with { RawLine = c.Line(record) };
    }
}
