using Skipwise.Reports.Plots;
using Skipwise.Storage;

namespace Skipwise.Reports;

/// <summary>The demo's <c>report.html</c>: rendered from the results alone, one self-contained file for screen, phone and paper.</summary>
public static class DemoReport
{
    /// <summary>Writes the page: to a temporary name beside it, then renamed.</summary>
    /// <param name="path">where</param>
    /// <param name="results">what was measured</param>
    /// <param name="trials">every passkey trial, for the depth maps; may be empty</param>
    /// <param name="nextCommand">the command that does the same to the reader's own model</param>
    /// <exception cref="SkipwiseException">the file cannot be written</exception>
    public static void Write(string path, DemoResults results, IReadOnlyList<PasskeyTrial> trials, string nextCommand) =>
        AtomicFile.WriteText(path, Render(results, trials, nextCommand));

    /// <summary>The page as text.</summary>
    public static string Render(DemoResults results, IReadOnlyList<PasskeyTrial> trials, string nextCommand)
    {
        string title = $"PoSE: from {results.TrainLength} to {results.TargetLength} tokens";
        return HtmlPage.Document(title, Html.Of($"""
            <header>
            <h1>{title}</h1>
            <p class="summary">{string.Join(" ", DemoSummary.Sentences(results))}</p>
            </header>
            {Bars(results)}{Passkey(results, trials)}{Perplexity(results)}{Training(results)}{Run(results)}{HtmlPage.Section("Your own model", [Html.Of($"""
            <p>The same for a Hugging Face folder of yours and your own text:</p>
            <pre><code>{nextCommand}</code></pre>

            """)])}
            """));
    }

    private static Html Bars(DemoResults r) => r.Bars is not { Count: > 0 } bars
        ? Html.Empty
        : HtmlPage.Section("What the demo promises", HtmlPage.Table("Each bar, held against the measured number", ["bar", "required", "measured", "met"],
            bars.Select(bar => (IReadOnlyList<Html>)
                [Html.Of($"{bar.Name}"), Html.Of($"{bar.Required}"), Html.Of($"{Format.Short(bar.Measured)}"), Html.Of($"<strong class=\"{(bar.Met ? "met" : "missed")}\">{(bar.Met ? "yes" : "no")}</strong>")])));

    private static Html Passkey(DemoResults r, IReadOnlyList<PasskeyTrial> trials)
    {
        if (r.Passkey.Count == 0)
        {
            return Html.Empty;
        }
        string[] tried = [.. DemoVariant.Ordered(trials.Select(t => t.Variant))];
        return HtmlPage.Section("Passkey retrieval",
            HtmlPage.Paragraph("A number of up to five digits hides in the first half of a filler text; the model is asked for it at the end. A trial counts when every digit is right. Keys nearer to the question are left out, because a short window finds them too."),
            HtmlPage.Plot(PasskeyHeatmap.ByVariant(r.Passkey, r.TrainLength), "passkey", "Share of trials with the whole key retrieved, by prompt length."),
            LengthTable($"Share retrieved; below it the trials and the 95 % interval", r, r.Passkey.Select(p => (p.Variant, p.Length,
                HtmlPage.Cell(Format.Share(p.Accuracy), $"{DemoSummary.Correct(p)} of {p.Trials}", Interval(p))))),
            tried.Length == 0 ? Html.Empty : HtmlPage.SmallPlots(tried.Select(v => (DemoVariant.Label(v), PasskeyHeatmap.ByDepth(trials, v, r.TrainLength))), "depth",
                "The same trials by the depth of the key: 0 % is the start of the prompt, 100 % its end, right before the question."));
    }

    private static string Interval(PasskeyPoint p) =>
        p is { IntervalLow: { } low, IntervalHigh: { } high } ? $"{Format.Share(low)}–{Format.Share(high)}" : "";

    private static Html Perplexity(DemoResults r)
    {
        if (r.Perplexity.Count == 0)
        {
            return Html.Empty;
        }
        int[] documents = [.. r.Perplexity.Select(p => p.Documents).Distinct()];
        bool clipped = r.Perplexity.Any(p => p.Value > PerplexityPlot.Ceiling(r.Perplexity));
        return HtmlPage.Section("Perplexity by window",
            HtmlPage.Plot(PerplexityPlot.Figure(r.Perplexity, r.TrainLength), "perplexity",
                $"How well each model predicts held-out text when it may look back over the window; lower is better. Bars: 95 % of the draws of documents.{(clipped ? " Arrows: too large for this axis, the number is beside the arrow." : "")}"),
            LengthTable($"Perplexity ± standard error over {(documents.Length == 1 ? $"{documents[0]} documents" : "documents")}", r, r.Perplexity.Select(p => (p.Variant, p.Length,
                HtmlPage.Cell(Format.Perplexity(p.Value), double.IsNaN(p.StandardError) ? "" : $"± {Format.Error(p.StandardError)}", documents.Length == 1 ? "" : $"{p.Documents} documents")))));
    }

    private static Html LengthTable(string caption, DemoResults r, IEnumerable<(string Variant, int Length, Html Cell)> cells)
    {
        var all = cells.ToList();
        int[] lengths = [.. all.Select(c => c.Length).Distinct().Order()];
        return HtmlPage.Table(caption, ["", .. lengths.Select(l => $"{l} ({Format.Multiple(l, r.TrainLength)})")],
            DemoVariant.Ordered(all.Select(c => c.Variant)).Select(variant => (IReadOnlyList<Html>)
                [Html.Of($"{DemoVariant.Label(variant)}"), .. lengths.Select(l => all.FirstOrDefault(c => c.Variant == variant && c.Length == l).Cell)]));
    }

    private static Html Training(DemoResults r)
    {
        bool trained = r.Training is { Count: > 0 }, examples = r.Examples is { Count: > 0 };
        return !trained && !examples ? Html.Empty : HtmlPage.Section("The fine-tune",
            !examples ? Html.Empty : HtmlPage.Plot(PositionIdsPlot.Figure(r.Examples!, r.TrainLength, r.TargetLength), "positions",
                $"Position ids of {r.Examples!.Count} training examples. Each is a window of at most {r.Examples!.Max(e => e.Sum(run => run.Length))} tokens; where one chunk ends, the ids skip ahead, so that many examples together contain distances up to the target length."),
            !trained ? Html.Empty : HtmlPage.Plot(LossPlot.Figure(r.Training!), "loss", "Training loss: every step faintly, the running mean in full colour. On skipped and on contiguous positions the task is not the same, so the two need not agree."),
            !trained ? Html.Empty : HtmlPage.Table("Loss and learning rate", ["variant", "steps", "first loss", "last loss", "highest learning rate"],
                DemoVariant.Ordered(r.Training!.Keys).Where(v => r.Training[v].Count > 0).Select(v => (IReadOnlyList<Html>)
                    [.. new[] { DemoVariant.Label(v), $"{r.Training[v][^1].Step}", Format.Short(r.Training[v][0].Loss), Format.Short(r.Training[v][^1].Loss), Format.Short(r.Training[v].Max(p => p.LearningRate)) }.Select(t => Html.Of($"{t}"))])));
    }

    private static Html Run(DemoResults r)
    {
        (string Name, string? Value)[] settings =
        [
            ("base model", r.Model), ("train length", $"{r.TrainLength} tokens"), ("target length", $"{r.TargetLength} tokens"), ("positions stretched by", r.Rope),
            ("seed", r.Seed?.ToString()), .. (r.Settings ?? new Dictionary<string, string>()).Select(s => (s.Key, (string?)s.Value)),
        ];
        return HtmlPage.Section("The run", Html.Of($"""
            <div class="columns">
            {Pairs("Settings", settings.Where(s => s.Value is not null).Select(s => (s.Name, s.Value!)))}{Pairs("Seconds by stage", r.Seconds.Select(s => (s.Key, Format.Seconds(s.Value))))}</div>
            <p>Every number stands in <code>results.json</code>, every prompt's key and answer in <code>passkey-trials.jsonl</code>.</p>

            """));
    }

    private static Html Pairs(string caption, IEnumerable<(string Name, string Value)> pairs) =>
        HtmlPage.Table(caption, ["", ""], pairs.Select(p => (IReadOnlyList<Html>)[Html.Of($"{p.Name}"), Html.Of($"{p.Value}")]));
}
