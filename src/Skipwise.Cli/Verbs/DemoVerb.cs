using System.CommandLine;
using Skipwise.Cli.Display;
using Skipwise.Cli.Flags;
using Skipwise.Recipes;
using Skipwise.Reports;
using Skipwise.Rope;
using Skipwise.Training;

namespace Skipwise.Cli.Verbs;

/// <summary><c>skipwise demo</c></summary>
internal static class DemoVerb
{
    /// <summary>The base model that comes with the tool.</summary>
    internal static string Shipped { get; } = Path.Combine(AppContext.BaseDirectory, "models", "skipwise-tiny");
    private static readonly DemoOptions s_default = new() { Model = Shipped, Out = "skipwise-demo" };

    public static Verb Create(Screen screen)
    {
        var verb = new Verb("demo",
            "Extend the shipped model 8x and show that it works: compare the base model, PoSE, and the same fine-tuning without skips.",
            """
            skipwise demo
            skipwise demo --extension 4 --steps 200 --out quick-demo
            skipwise demo --seed 3 --rope yarn --json results.json
            """);
        Flag<string?> folder =
            verb.Text("--out", "folder", $"folder for the models, report.html and results.json [default: {s_default.Out}]")
            .Sets(nameof(DemoOptions.Out));
        Flag<ulong> seed = verb.Seed("seed of both fine-tuning runs: text, positions, order")
            .Sets(nameof(DemoOptions.Seed));
        Flag<int> extension =
            verb.Integer("--extension", "extension factor: target length / window of the model", s_default.ExtensionFactor)
            .Sets(nameof(DemoOptions.ExtensionFactor));
        Flag<RopeType> rope = verb.Choice("--rope", "RoPE scaling", s_default.Rope).Sets(nameof(DemoOptions.Rope));
        Flag<double> factor = verb.Number("--rope-factor", "factor of the RoPE scaling", s_default.RopeFactor)
            .Sets(nameof(DemoOptions.RopeFactor));
        Flag<int> steps = verb.Integer("--steps", "optimizer steps of each fine-tuning run", s_default.Training.Steps)
            .Sets(nameof(TrainOptions.Steps));
        Flag<double> rate = verb.Number("--learning-rate", "peak learning rate", s_default.Training.LearningRate)
            .Sets(nameof(TrainOptions.LearningRate));
        Flag<int> trials = verb.Integer("--trials", "number of passkey prompts per length", s_default.Trials)
            .Sets(nameof(DemoOptions.Trials));
        var json = new JsonFlag<DemoResults>(verb);
        verb.OnRunWithTorch(screen, (parse, stop) => Run(screen, parse, json, s_default with
        {
            Out = folder.ValueOf(parse) ?? s_default.Out,
            Seed = seed.ValueOf(parse),
            ExtensionFactor = extension.ValueOf(parse),
            Rope = rope.ValueOf(parse),
            RopeFactor = factor.ValueOf(parse),
            Training = s_default.Training with { Steps = steps.ValueOf(parse), LearningRate = rate.ValueOf(parse) },
            Trials = trials.ValueOf(parse),
        }, stop));
        return verb;
    }

    private static int Run(Screen screen, ParseResult parse, JsonFlag<DemoResults> json, DemoOptions options, CancellationToken stop)
    {
        DemoResults results = ProgressDisplay.Run(screen, display =>
            Demo.Run(options,
                new DemoProgress
                {
                    Stage = display.Stage,
                    Training = display.Training(options.Training.Steps),
                    Evaluation = display.Evaluation
                }, stop));
        json.Show(parse, screen, results, () => Show(screen, options, results));
        return CodeOf(results);
    }

    /// <summary>The exit code: that of the demo's own criteria.</summary>
    internal static int CodeOf(DemoResults results) => results.Bars!.All(bar => bar.Met) ? ExitCode.Success : ExitCode.CheckFailed;

    private static void Show(Screen screen, DemoOptions options, DemoResults results)
    {
        screen.Summary(
            DemoSummary.Of(results), ResultTables.Passkey(results), ResultTables.Perplexity(results), ResultTables.Bars(results.Bars!));
        screen.Facts(
            ("report", Path.Combine(options.Out, Demo.ReportName)), ("numbers", Path.Combine(options.Out, Demo.ResultsName)),
            ("model", Demo.ModelFolder(options)), ("your model", Demo.NextCommand(options)));
    }
}
