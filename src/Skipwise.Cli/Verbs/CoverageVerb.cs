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
            "Show how often a run trains each relative distance, and which are thin, beside the windows of the paper's figure 5.",
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
        var positions = new PositionFlags(verb);
        Flag<int> steps = verb.Integer("--steps", "optimizer steps", s_default.Steps).Sets(nameof(CoverageOptions.Steps));
        Flag<int> batch = verb.Integer("--batch-size", "windows per micro-batch", s_default.BatchSize)
            .Sets(nameof(CoverageOptions.BatchSize));
        Flag<int> accumulation =
            verb.Integer("--gradient-accumulation", "micro-batches per optimizer step", s_default.GradientAccumulationSteps)
            .Sets(nameof(CoverageOptions.GradientAccumulationSteps));
        Flag<double> thin =
            verb.Number("--thin-fraction", "distances below this fraction of the plateau are told as thin", s_default.ThinFraction)
            .Sets(nameof(CoverageOptions.ThinFraction));
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
                    RandomStart = positions.RandomStart(parse),
                },
                DocumentLength = documentLength.ValueOf(parse),
                Steps = steps.ValueOf(parse),
                BatchSize = batch.ValueOf(parse),
                GradientAccumulationSteps = accumulation.ValueOf(parse),
                Samples = samples.ValueOf(parse),
                Seed = seed.ValueOf(parse),
                ThinFraction = thin.ValueOf(parse),
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
            ("seen least", $"distance {least}, expected in {Count(asked.Probability[least] * result.Windows)} windows"),
            ("distances seen never", Ranges(result.Never)),
            ("seen less than once", Ranges(result.LessThanOnce)),
            (FormattableString.Invariant($"below {result.ThinFraction} of the plateau"), Ranges(result.BelowPlateau)),
        ];
        facts.AddRange(result.Curves.Where(curve => curve.Samples is not null).Select(curve =>
            (curve.Name, $"from {curve.Samples} drawn windows, standard error at most {Share(curve.LargestStandardError)}; other "
                + "columns are exact")));
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
