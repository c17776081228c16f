using System.Globalization;
using Skipwise.Cli.Display;
using Skipwise.Cli.Flags;
using Skipwise.Positions;
using Skipwise.Recipes;

namespace Skipwise.Cli.Verbs;

/// <summary><c>skipwise coverage</c></summary>
internal static class CoverageVerb
{
    private const int MostRangesShown = 4; // a sampled curve crosses a limit many times
    private static readonly CoverageOptions s_default = new() { Positions = new() { TrainLength = 1, TargetLength = 2 } };

    public static Verb Create(Screen screen)
    {
        var verb = new Verb("coverage",
            "Show how often a run trains each relative distance, and which have low coverage, beside the windows of the paper's figure 5.",
            """
            skipwise coverage --train-length 2048 --target-length 16384 --steps 1000 --batch-size 64
            skipwise coverage --train-length 2048 --target-length 16384 --end-share 0.1 --out coverage.png
            skipwise coverage --train-length 128 --target-length 1024 --chunks 4 --samples 1000000 --json coverage.json
            """);
        Flag<int> trainLength = verb.RequiredInteger("--train-length", "tokens per training window").Sets(nameof(PoseOptions.TrainLength));
        Flag<int> targetLength = verb.RequiredInteger("--target-length", "the window to reach, in tokens")
            .Sets(nameof(PoseOptions.TargetLength));
        Flag<int?> documentLength =
            verb.OptionalInteger("--document-length", "length of the document, in tokens [default: the target length]")
            .Sets(nameof(CoverageOptions.DocumentLength));
        var positions = new PositionFlags(verb, distancesOnly: true);
        Flag<int> steps = verb.Integer("--steps", "optimizer steps", s_default.Steps).Sets(nameof(CoverageOptions.Steps));
        Flag<int> batch = verb.Integer("--batch-size", "windows per micro-batch", s_default.BatchSize)
            .Sets(nameof(CoverageOptions.BatchSize));
        Flag<int> accumulation =
            verb.Integer("--gradient-accumulation", "micro-batches per optimizer step", s_default.GradientAccumulationSteps)
            .Sets(nameof(CoverageOptions.GradientAccumulationSteps));
        Flag<double> lowCoverage =
            verb.Number("--low-coverage-ratio", "coverage below this fraction of the plateau is low", s_default.LowCoverageRatio)
            .Sets(nameof(CoverageOptions.LowCoverageRatio));
        Flag<int> samples =
            verb.Integer("--samples", "windows drawn for three chunks and more, which have no exact sum", s_default.Samples)
            .Sets(nameof(CoverageOptions.Samples));
        Flag<ulong> seed = verb.Seed("seed of the drawn windows").Sets(nameof(CoverageOptions.Seed));
        Flag<string?> plot =
            verb.Text("--out", "path", "plot to write: a .png or .svg file, or a folder that receives both")
            .Sets(nameof(CoverageOptions.Out));
        var json = new JsonFlag<CoverageResult>(verb);
        verb.OnRun(screen, (parse, stop) =>
        {
            var options = new CoverageOptions
            {
                Positions = new PoseOptions(positions.Of(parse), trainLength.ValueOf(parse), targetLength.ValueOf(parse))
                {
                    RandomStart = true, // decides no distance; a run's windows are drawn so
                },
                DocumentLength = documentLength.ValueOf(parse),
                Steps = steps.ValueOf(parse),
                BatchSize = batch.ValueOf(parse),
                GradientAccumulationSteps = accumulation.ValueOf(parse),
                Samples = samples.ValueOf(parse),
                Seed = seed.ValueOf(parse),
                LowCoverageRatio = lowCoverage.ValueOf(parse),
                Out = plot.ValueOf(parse),
            };
            CoverageResult result = MeasureCoverage.Run(options, stop);
            json.Show(parse, screen, result, () => Show(screen, result, options));
            return ExitCode.Success;
        });
        return verb;
    }

    private static void Show(Screen screen, CoverageResult result, CoverageOptions options)
    {
        NamedCoverage asked = result.Curves[0];
        bool isSampled = asked.Samples is not null;
        string uncovered = $"in none of the {asked.Samples} drawn windows"; // which is no proof that no window has it
        screen.Table(new("Probability that a window covers a distance",
            ["distance", "windows of the run", asked.Name, .. isSampled ? (string[])["std. error"] : [],
                .. result.Curves.Skip(1).Select(curve => curve.Name)],
            [.. result.Points.Select(point => (IReadOnlyList<string>)
                [$"{point.Distance}", Count(point.ExpectedWindows), Share(point.Probability),
                    .. isSampled ? (string[])[Share(point.StandardError)] : [],
                    .. result.Curves.Skip(1).Select(curve => Share(curve.Probability[point.Distance]))])]));
        screen.Line();
        int least = Enumerable.Range(1, asked.Probability.Count - 1).MinBy(r => asked.Probability[r]);
        List<(string, string)> facts =
        [
            ("run", $"{options.Steps} steps x {options.BatchSize * (long)options.GradientAccumulationSteps} windows = "
                + $"{result.Windows} windows"),
            ("plateau", $"{Share(result.Plateau)}, {Count(result.Plateau * result.Windows)} windows: the median from distance "
                + $"{Math.Min(result.DocumentLength, result.TrainLength)} on"),
            ("covered least", $"distance {least}, {(isSampled && asked.Probability[least] <= 0 ? uncovered
                : $"expected in {Count(asked.Probability[least] * result.Windows)} windows")}"),
            (isSampled ? uncovered : "never covered", Ranges(result.Never)),
            (isSampled ? "covered less than once, by estimate" : "covered less than once", Ranges(result.LessThanOnce)),
            (FormattableString.Invariant($"below {result.LowCoverageRatio} of the plateau"), Ranges(result.BelowPlateau)),
        ];
        NamedCoverage[] sampled = [.. result.Curves.Where(curve => curve.Samples is not null)];
        if (sampled.Length > 0)
        {
            IEnumerable<string> errors =
                sampled.Select(curve => $"{curve.Name} (standard error at most {Share(curve.LargestStandardError)})");
            facts.Add(("sampled", $"{string.Join(", ", errors)}: from {sampled[0].Samples} drawn windows each; other columns are exact"));
        }
        screen.Facts([.. facts]);
        if (options.Out is { } path)
        {
            screen.Line($"plot  {path}");
        }
    }

    private static string Ranges(IReadOnlyList<DistanceRange> ranges) => ranges.Count == 0
        ? "none"
        : $"{string.Join(", ", ranges.Take(MostRangesShown).Select(range =>
            range.Count == 1 ? $"{range.First}" : $"{range.First}..{range.Last}"))}"
            + $"{(ranges.Count > MostRangesShown ? ", ..." : "")} ({ranges.Sum(range => (long)range.Count)} of them)";

    private static string Share(double value) =>
        value is 0 or >= 0.001 ? value.ToString("0.0000", CultureInfo.InvariantCulture)
        : value.ToString("0.0e-0", CultureInfo.InvariantCulture);

    private static string Count(double value) => value.ToString(
        value switch { 0 => "0", < 0.01 => "0.0e-0", < 10 => "0.00", < 100 => "0.0", _ => "0" }, CultureInfo.InvariantCulture);
}
