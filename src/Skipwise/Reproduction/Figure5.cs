using Skipwise.Evaluation.Results;
using Skipwise.Positions;
using Skipwise.Reports;
using Skipwise.Reports.Plots;

namespace Skipwise.Reproduction;

/// <summary>Figure 5 of the paper: the probability that one training window covers a relative distance, exact and sampled. Nothing is
/// trained: it is computed at the paper's own lengths, and at those of the base.</summary>
internal sealed class Figure5 : IPaperExperiment
{
    private const int PaperWindow = 2048, Extension = 8;
    private const int Samples = 10_000;
    private const ulong SampleSeed = 1;

    // the paper's, in fractions of its target; its figure ends at 16000
    private static readonly int[] s_paperDistances =
        [256, 512, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 10240, 12288, 14336, 15360, 16000];

    /// <inheritdoc/>
    public string Name => "fig5";

    /// <inheritdoc/>
    public string Title => "Figure 5: coverage of relative distances";

    /// <inheritdoc/>
    public PaperTable Paper { get; } = PaperTable.Parse("The paper: probability that one example covers a distance, 2k to 16k, sampled", """
        windows  | 256 | 512 | 1024 | 1536 | 2048 | 3072 | 4096 | 6144 | 8192 | 10240 | 12288 | 14336 | 15360 | 16000
        original | 1   | 1   | 1    | 1    | 0    | 0    | 0    | 0    | 0    | 0     | 0     | 0     | 0     | 0
        2 chunks | .97 | .97 | .96  | .55  | .150 | .148 | .143 | .143 | .141 | .146  | .144  | .137  | .069  | .026
        3 chunks | 1.0 | 1.0 | .87  | .54  | .275 | .243 | .219 | .206 | .209 | .228  | .263  | .343  | .250  | .118
        RandPos  | 1.0 | 1.0 | 1.0  | 1.0  | 1.0  | 1.0  | 1.0  | 1.0  | 1.0  | 1.0   | 1.0   | 1.0   | 1.0   | 1.0
        """);

    /// <inheritdoc/>
    public IEnumerable<PlannedWork> Plan(ReproductionContext context) => []; // seconds

    /// <inheritdoc/>
    public ReproductionResult Run(ReproductionContext context)
    {
        Lengths paper = new("the paper's lengths", PaperWindow), own = new("the base's lengths", context.Window);
        return new()
        {
            Name = Name,
            Title = Title,
            Scale = context.Scale.Name,
            Seeds = context.Scale.Seeds,
            Protocol =
            [
                $"Windows: {PaperWindow} tokens placed below {paper.Target} positions as in the paper, and the base's {own.Window} below " +
                $"{own.Target}. Documents are as long as the target.",
                $"Exact curves are sums over all draws. Sampled ones count {Samples} drawn windows. Three chunks have no exact sum.",
                "No model is trained, and no seed decides these numbers, whatever the scale.",
            ],
            Paper = Paper,
            Tables = [paper.Table(), own.Table()],
            Verdicts = Verdicts(paper, own),
            Plots = [paper.Plot($"{Name}-paper"), own.Plot($"{Name}-base")],
            RawLines = [.. paper.RawLines(), .. own.RawLines()],
        };
    }

    private static IReadOnlyList<Verdict> Verdicts(Lengths paper, Lengths own)
    {
        Lengths[] both = [paper, own];
        IReadOnlyList<(string, Estimate)> OfBoth(Func<Lengths, IEnumerable<(string Name, double Value)>> numbers) =>
        [
            .. from lengths in both
               from number in numbers(lengths)
               select ($"{number.Name}, {lengths.Window} to {lengths.Target}", Exactly(number.Value)),
        ];
        return
        [
            Verdict.AtMost(
                new("The original windows cover no distance from the window's length on.", "0 from 2048 on",
                    "the sum of all these probabilities is 0"),
                0, OfBoth(lengths => [("sum", lengths.Original.Probability.Skip(lengths.Window).Sum())])),
            Verdict.AtMost(
                new("Two chunks cover each distance of the middle with the same probability, (Lc - 1) / (Lt - Lc + 1).",
                    "0.137 to 0.150; the formula gives 0.1428",
                    "from Lc to Lt - Lc, the exact curve is within 1e-9 of the formula, and the mean of the sampled one within 2 % of it"),
                1,
                OfBoth(lengths =>
                [
                    ("largest difference of the exact curve, in units of 1e-9",
                        lengths.Middle(lengths.Two).Max(probability => Math.Abs(probability - lengths.Plateau)) / 1e-9),
                    ("difference of the sampled mean, in units of 2 %",
                        Math.Abs((lengths.Middle(lengths.TwoSampled).Average() / lengths.Plateau) - 1) / 0.02),
                ])),
            Verdict.AtMost(
                new("The last Lc distances thin out: the far end of the target is trained least.", "0.069 at 15360, 0.026 at 16000",
                    "with two chunks, at most 55 % of the plateau at Lt - Lc / 2 and at most 2 % at Lt - 1; with three chunks at most " +
                    "10 % of the plateau at Lt - 1; each as a fraction of this limit"),
                1,
                OfBoth(lengths =>
                [
                    ("2 chunks at Lt - Lc / 2", lengths.Two.Probability[lengths.Target - (lengths.Window / 2)] / lengths.Plateau / 0.55),
                    ("2 chunks at Lt - 1", lengths.Two.Probability[^1] / lengths.Plateau / 0.02),
                    ("3 chunks at Lt - 1", lengths.Three.Probability[^1] / lengths.Plateau / 0.10),
                ])),
            Verdict.Above(
                new("Three chunks cover the middle distances more often than two.", "0.206 to 0.343 in place of 0.14",
                    "from 2 Lc to Lt - Lc, at each distance of the table, the 95 % interval of the difference is above 0"),
                0,
                [
                    .. from lengths in both
                       from r in lengths.Distances
                       where r >= 2 * lengths.Window && r <= lengths.Target - lengths.Window
                       select ($"at {r}, {lengths.Window} to {lengths.Target}",
                           Lengths.At(lengths.Three, r) with { Mean = lengths.Three.Probability[r] - lengths.Two.Probability[r] }),
                ]),
            RandPosCoversAll(paper, "at the paper's lengths"),
            RandPosCoversAll(own, "at the base's lengths"),
        ];
    }

    private static Verdict RandPosCoversAll(Lengths lengths, string where)
    {
        int last = lengths.Distances[^1];
        Verdict verdict = Verdict.AtLeast(
            new($"RandPos covers all distances {where}.", "1.0 at every distance up to 16000 of 16384",
                "every distance up to 16000 / 16384 of the target is covered with a probability of at least 0.99"),
            0.99, ($"smallest, {lengths.Window} to {lengths.Target}", Exactly(lengths.RandPos.Probability.Skip(1).Take(last).Min())));
        double ratio = (double)lengths.Window / lengths.Target;
        int thin = lengths.RandPos.Probability.Skip(1).ToList().FindIndex(probability => probability < 0.99) + 1;
        return verdict.Outcome == Outcome.Holds ? verdict : verdict with
        {
            Explanation = FormattableString.Invariant(
                $"A distance r has Lt - r places, and both its positions are taken in {ratio * ratio:0.####} of the windows. ") +
                "With few tokens the last distances have too few places: " +
                $"the probability is at least 0.99 up to {thin - 1} of {lengths.Target}.",
        };
    }

    private static Estimate Exactly(double value) => new(value, null, null, 0, 0);

    /// <summary>The curves of one pair of lengths.</summary>
    private sealed class Lengths
    {
        private readonly string _name;

        public Lengths(string name, int window)
        {
            (_name, Window) = (name, window);
            CoverageCurve Compute(PositionOptions positions) =>
                Coverage.Compute(new PoseOptions(positions, Window, Target), Target, Samples, SampleSeed);
            Original = Compute(new() { Mode = PositionMode.Short });
            Two = Compute(new());
            TwoSampled = new(Coverage.Estimate(new PoseOptions(new(), Window, Target), Target, Samples, SampleSeed), Samples);
            Three = Compute(new() { Chunks = 3 });
            RandPos = Compute(new() { Mode = PositionMode.RandPos });
            Distances = [.. s_paperDistances.Select(r => r * Window / PaperWindow)];
        }

        public int Window { get; }

        public int Target => Extension * Window;

        public IReadOnlyList<int> Distances { get; }

        public CoverageCurve Original { get; }

        public CoverageCurve Two { get; }

        public CoverageCurve TwoSampled { get; }

        public CoverageCurve Three { get; }

        public CoverageCurve RandPos { get; }

        /// <summary>The formula for two chunks: every plan covers Lc - 1 consecutive distances across its cut, from u + 1 on, and u is one
        /// of Lt - Lc + 1 values.</summary>
        public double Plateau => (Window - 1.0) / (Target - Window + 1);

        private IReadOnlyList<(string Name, CoverageCurve Curve)> Curves =>
        [
            ("original (short)", Original), ("2 chunks, exact", Two), ("2 chunks, sampled", TwoSampled), ("3 chunks, sampled", Three),
            ("RandPos, exact", RandPos),
        ];

        public IReadOnlyList<double> Middle(CoverageCurve curve) => [.. curve.Probability.Take((Target - Window) + 1).Skip(Window)];

        public static Estimate At(CoverageCurve curve, int distance) =>
            new(curve.Probability[distance], null, curve.Samples is null ? null : curve.StandardError(distance), 0, curve.Samples ?? 0);

        public NumberTable Table() => new(
            $"Probability that one window covers a distance, {_name}: {Window} to {Target}; of sampled ones ± standard error", "windows",
            [.. Distances.Select(r => $"{r}")],
            [.. Curves.Select(each => new NumberRow(each.Name, [.. Distances.Select(r => At(each.Curve, r))]))], NumberUnit.Other);

        public ReportBlock.Plot Plot(string name) => new(
            CoveragePlot.Figure([.. Curves.Where(each => each.Curve != TwoSampled).Select(each => (each.Name, each.Curve.Probability))],
                Window),
            name, $"Probability that one window covers a distance, {_name}: windows of {Window} tokens, target {Target}.");

        public IEnumerable<string> RawLines() =>
            from each in Curves
            from r in Distances.Append(Target - Window).Append(Target - 1)
            select EvaluationJson.ToJsonLine(new RawCoverage(each.Name, Window, Target, r, each.Curve.Probability[r], each.Curve.Samples,
                each.Curve.Samples is null ? null : each.Curve.StandardError(r)));
    }
}
