using System.CommandLine;
using Skipwise.Cli.Display;
using Skipwise.Cli.Flags;
using Skipwise.Distributed;
using Skipwise.Reports;
using Skipwise.Reproduction;

namespace Skipwise.Cli.Verbs;

/// <summary><c>skipwise reproduce</c></summary>
internal static class ReproduceVerb
{
    private const string DefaultFolder = "skipwise-reproduction", AllName = "all";

    public static Verb Create(Screen screen)
    {
        string[] names = [.. Reproduce.All.Select(experiment => experiment.Name)];
        var verb = new Verb("reproduce",
            "Reproduce tables and figures of the PoSE paper with the shipped model, and judge its claims by their numbers.",
            """
            skipwise reproduce all --quick
            skipwise reproduce table1 fig2 --seeds 5 --out reproduced
            skipwise reproduce table1 --quick --json table1.json
            """)
        {
            RunsOnSeveralRanks = true,
        };
        var what = new Argument<string[]>("experiment")
        {
            HelpName = "experiment",
            Description = $"one or more of {string.Join(", ", names)}, or {AllName} [default: {AllName}]",
            Arity = ArgumentArity.ZeroOrMore,
        };
        what.AcceptOnlyFromAmong([.. names, AllName]);
        verb.Arguments.Add(what);
        Flag<string?> folder =
            verb.Text("--out", "folder",
                $"folder for models, numbers and reports; a stopped run continues there [default: {DefaultFolder}]")
            .Sets(nameof(ReproductionOptions.Out));
        Flag<int?> seeds =
            verb.OptionalInteger("--seeds",
                $"seeds of every training [default: {ReproductionScale.Full.Seeds}, with --quick {ReproductionScale.Quick.Seeds}]")
            .Sets(nameof(ReproductionOptions.Seeds));
        Flag<bool> quick = verb.Switch("--quick", "short trainings, few documents and trials, one seed")
            .Sets(nameof(ReproductionOptions.Quick));
        Flag<string?> benchmarks =
            verb.Text("--benchmarks", "folder", "table3 runs six benchmarks too; the folder has their files")
            .Sets(nameof(ReproductionOptions.Benchmarks));
        var json = new JsonFlag<IReadOnlyList<ReproductionResult>>(verb);
        verb.OnRunWithTorch(screen, (parse, stop) => Run(screen, parse, json, new ReproductionOptions
        {
            Base = DemoVerb.Shipped,
            Out = folder.ValueOf(parse) ?? DefaultFolder,
            Experiments = parse.GetValue(what) is { } chosen && !chosen.Contains(AllName) ? [.. chosen.Distinct()] : [],
            Seeds = seeds.ValueOf(parse),
            Quick = quick.ValueOf(parse),
            Benchmarks = benchmarks.ValueOf(parse),
        }, stop));
        return verb;
    }

    private static int Run(Screen screen, ParseResult parse, JsonFlag<IReadOnlyList<ReproductionResult>> json, ReproductionOptions options,
        CancellationToken stop)
    {
        ICollective ranks = screen.Ranks.Join(screen);
        IReadOnlyList<ReproductionResult> results = ProgressDisplay.Run(screen, display =>
            Reproduce.Run(options,
                new ReproductionProgress
                {
                    Stage = display.Stage,
                    Job = display.Jobs,
                    Training = steps =>
                    {
                        screen.RunBegins(); // a stopped training is saved
                        return display.Training(steps);
                    },
                    Evaluation = display.Evaluation,
                }, stop, ranks));
        if (ranks.Rank > 0)
        {
            return ExitCode.Success; // rank 0 tells the results
        }
        json.Show(parse, screen, results, () => Show(screen, options, results));
        return ExitCode.Success; // a claim that does not hold is a result, and no failure
    }

    private static void Show(Screen screen, ReproductionOptions options, IReadOnlyList<ReproductionResult> results)
    {
        screen.Summary(new ReportSummary(ReproductionReport.Lead(results), []),
        [
            .. results.SelectMany(result => result.Tables.Select(table =>
                new ResultTable($"{result.Title}. {table.FullCaption()}", table.Texts()[0], [.. table.Texts().Skip(1)]))),
            new ResultTable("Verdicts", ["", "claim", "verdict"],
                [.. from result in results
                    from verdict in result.Verdicts
                    select (IReadOnlyList<string>)[result.Name, verdict.Claim.Statement, verdict.InWords()]], Prose: true),
        ]);
        screen.Facts(("report", Path.Combine(options.Out, Reproduce.ReportName)));
    }
}
