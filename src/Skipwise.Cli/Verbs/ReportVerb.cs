using System.CommandLine;
using Skipwise.Cli.Display;
using Skipwise.Cli.Flags;
using Skipwise.Evaluation.Results;
using Skipwise.Recipes;
using Skipwise.Reports;
using Skipwise.Reports.Comparing;

namespace Skipwise.Cli.Verbs;

/// <summary><c>skipwise report</c></summary>
internal static class ReportVerb
{
    /// <param name="screen">where the verb writes</param>
    /// <param name="evalAll">the verb that made the results</param>
    public static Verb Create(Screen screen, Verb evalAll)
    {
        var verb = new Verb("report",
            "Write a report from results of 'eval all', without loading a model; several folders become one comparison.",
            """
            skipwise report --from compared --out report.html
            skipwise report --from compared --from compared-later --out both.html
            skipwise report --from compared --out report.html --json > results.json
            """)
        { Shows = evalAll };
        Flag<string[]> folders =
            verb.Texts("--from", "folder", "result folders of 'eval all'; all models are compared with the first model of the first folder",
                required: true);
        Flag<string> path =
            verb.Required("--out", "file", "HTML file to write; Markdown, plots and JSON lines of the same name are written next to it");
        var json = new JsonFlag<IReadOnlyList<EvaluationRecord>>(verb);
        verb.OnRun(screen, (parse, _) =>
            Tell(screen, parse, json, RenderReport.Run(folders.ValueOf(parse), path.ValueOf(parse), screen.Flags.In),
                path.ValueOf(parse)));
        return verb;
    }

    /// <summary>Shows a comparison that has been written.</summary>
    /// <returns>the exit code: that of the gates</returns>
    public static int Tell(Screen screen, ParseResult parse, JsonFlag<IReadOnlyList<EvaluationRecord>> json, Comparison comparison,
        string path)
    {
        IReadOnlyList<GateResult> gates = Gates.Judge(comparison);
        json.Show(parse, screen, comparison.Records, () => Show(screen, comparison, path));
        foreach (string line in ResultTables.Gates(gates))
        {
            screen.Verdict(line);
        }
        return gates.All(gate => gate.Passed) ? ExitCode.Success : ExitCode.CheckFailed;
    }

    private static void Show(Screen screen, Comparison comparison, string path)
    {
        screen.Summary(ComparisonSummary.Of(comparison), ResultTables.Comparison(comparison));
        screen.Line($"report  {path}");
    }
}
