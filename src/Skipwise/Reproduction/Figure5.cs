using Skipwise.Evaluation.Results;
using Skipwise.Positions;
using Skipwise.Recipes;
using Skipwise.Reports;
using Skipwise.Reports.Plots;

namespace Skipwise.Reproduction;

/// <summary>Figure 5 of the paper: the probability that one training window covers a relative distance, exact and sampled. Nothing is
/// trained: it is computed at the paper's own lengths, and at those of the base.</summary>
internal sealed class Figure5 : IExperiment
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
    public Findings Run(ReproductionContext context)
    {
        Lengths paper = new("the paper's lengths", PaperWindow), own = new("the base's lengths", context.Window);
        return new()
        {
            Protocol =
            [
                $"Windows: {PaperWindow} tokens placed below {paper.Target} positions as in the paper, and the base's {own.Window} below " +
                $"{own.Target}. Documents are as long as the target.",
                $"Exact curves are sums over all draws. Sampled ones count {Samples} drawn windows. Three chunks have no exact sum.",
                "No model is trained, and no seed decides these numbers, whatever the scale.",
            ],
            Tables = [paper.Table(), own.Table()],
            Verdicts = Verdicts([paper, own]),
            Plots = [paper.Plot($"{Name}-paper"), own.Plot($"{Name}-base")],
            RawLines = [.. paper.RawLines(), .. own.RawLines()],
        };
    }

    private static IReadOnlyList<Verdict> Verdicts(Lengths[] both)
    {
        IReadOnlyList<NamedEstimate> OfBoth(string name, NumberUnit unit, Func<Lengths, double> number) =>
            [.. both.Select(lengths => lengths.Exactly(name, unit, number(lengths)))];
        IReadOnlyList<NamedEstimate> OfPlateau(string name, Func<Lengths, double> probability) =>
            OfBoth($"{name}, as a share of the plateau", NumberUnit.Fraction, lengths => probability(lengths) / lengths.Plateau);
        return
        [
            Verdict.AtMost(
                new("The original windows cover no distance from the window's length on.", "0 from 2048 on",
                    "the sum of all these probabilities is 0"),
                0, OfBoth("sum", NumberUnit.Probability, lengths => lengths.Original.Probability.Skip(lengths.Window).Sum())),
            Verdict.AtMost(
                new("Two chunks cover each distance of the middle with the same probability, (Lc - 1) / (Lt - Lc + 1).",
                    "0.137 to 0.150; the formula gives 0.1428",
                    "from Lc to Lt - Lc, no probability of the exact curve differs from the formula by more than a millionth of it"),
                1e-6, OfPlateau("largest difference",
                    lengths => lengths.Middle(lengths.Two).Max(probability => Math.Abs(probability - lengths.Plateau)))),
            Verdict.AtMost(
                new("Drawn windows agree with the formula.", "0.137 to 0.150 are drawn; the formula gives 0.1428",
                    "from Lc to Lt - Lc, the mean of the sampled curve differs from the formula by at most 2 % of it"),
                0.02, OfPlateau("difference of the mean",
                    lengths => Math.Abs(lengths.Middle(lengths.TwoSampled).Average() - lengths.Plateau))),
            Verdict.AtMost(
                new("Two chunks cover the last Lc distances less and less often.", "0.069 at 15360, of 0.143: 48 %",
                    "at Lt - Lc / 2, the probability is at most 55 % of the plateau"),
                0.55, OfPlateau("at Lt - Lc / 2", lengths => lengths.Two.Probability[lengths.Target - (lengths.Window / 2)])),
            Verdict.AtMost(
                new("Two chunks hardly ever cover the very end of the target.", "0.026 at 16000; the formula gives 1 / 14337 at 16383",
                    "at Lt - 1, the probability is at most 2 % of the plateau"),
                0.02, OfPlateau("at Lt - 1", lengths => lengths.Two.Probability[^1])),
            Verdict.AtMost(
                new("Nor do three chunks.", "0.343 at 14336, 0.118 at 16000",
                    "at Lt - 1, the probability is at most 10 % of two chunks' plateau"),
                0.10, OfPlateau("at Lt - 1", lengths => lengths.Three.Probability[^1])),
            Verdict.Above(
                new("Three chunks cover the middle distances more often than two.", "0.206 to 0.343 in place of 0.14",
                    "from 2 Lc to Lt - Lc, at each distance of the table, the 95 % interval of the difference is above 0"),
                0,
                [
                    .. from lengths in both
                       from r in lengths.Distances
                       where r >= 2 * lengths.Window && r <= lengths.Target - lengths.Window
                       select new NamedEstimate($"at {r}, {lengths.Name}",
                           Lengths.At(lengths.Three, r) with { Mean = lengths.Three.Probability[r] - lengths.Two.Probability[r] },
                           NumberUnit.Probability),
                ]),
            .. both.Select(RandPosCoversAll),
        ];
    }

    private static Verdict RandPosCoversAll(Lengths lengths)
    {
        int last = lengths.Distances[^1];
        Verdict verdict = Verdict.AtLeast(
            new($"RandPos covers all distances at {lengths.Title}.", "1.0 at every distance up to 16000 of 16384",
                "every distance up to 16000 / 16384 of the target is covered with a probability of at least 0.99"),
            0.99, lengths.Exactly("smallest", NumberUnit.Probability, lengths.RandPos.Probability.Skip(1).Take(last).Min()));
        double ratio = (double)lengths.Window / lengths.Target;
        int firstRare = lengths.RandPos.Probability.Skip(1).ToList().FindIndex(probability => probability < 0.99) + 1;
        return verdict.Outcome == Outcome.Holds ? verdict : verdict with
        {
            Explanation = FormattableString.Invariant(
                $"A distance r has Lt - r places, and both its positions are taken in {ratio * ratio:0.####} of the windows. ") +
                "With few tokens the last distances have too few places: " +
                $"the probability is at least 0.99 up to {firstRare - 1} of {lengths.Target}.",
        };
    }

    /// <summary>The curves of one pair of lengths.</summary>
    private sealed class Lengths
    {
        public Lengths(string title, int window)
        {
            (Title, Window) = (title, window);
            PoseOptions[] windows = [.. MeasureCoverage.Figure5(new PoseOptions(new PositionOptions(), Window, Target))];
            CoverageCurve[] curves = [.. windows.Select(pose => Coverage.Compute(pose, Target, Samples, SampleSeed))];
            (Original, Two, Three, RandPos) = (curves[0], curves[1], curves[2], curves[3]);
            TwoSampled = new(Coverage.Estimate(windows[1], Target, Samples, SampleSeed), Samples);
            Distances = [.. s_paperDistances.Select(r => r * Window / PaperWindow)];
        }

        /// <summary>whose lengths they are</summary>
        public string Title { get; }

        public int Window { get; }

        public int Target => Extension * Window;

        /// <summary>in the names of numbers</summary>
        public string Name => $"{Window} to {Target}";

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

        public NamedEstimate Exactly(string name, NumberUnit unit, double value) => new($"{name}, {Name}", Estimate.Exactly(value), unit);

        public IReadOnlyList<double> Middle(CoverageCurve curve) => [.. curve.Probability.Take((Target - Window) + 1).Skip(Window)];

        public static Estimate At(CoverageCurve curve, int distance) =>
            new(curve.Probability[distance], null, curve.Samples is null ? null : curve.StandardError(distance), 0, curve.Samples ?? 0);

        public NumberTable Table() => new(
            $"Probability that one window covers a distance, {Title}: {Name}", "windows", [.. Distances.Select(r => $"{r}")],
            [.. Curves.Select(each => new NumberRow(each.Name, [.. Distances.Select(r => At(each.Curve, r))]))], NumberUnit.Probability,
            "drawn windows");

        public ReportBlock.Plot Plot(string name) => new(
            CoveragePlot.Figure([.. Curves.Where(each => each.Curve != TwoSampled).Select(each => (each.Name, each.Curve.Probability))],
                Window),
            name, $"Probability that one window covers a distance, {Title}: windows of {Window} tokens, target {Target}.");

        public IEnumerable<string> RawLines() =>
            from each in Curves
            from r in Distances.Append(Target - Window).Append(Target - 1)
            select EvaluationJson.ToJsonLine(new RawCoverage(each.Name, Window, Target, r, each.Curve.Probability[r], each.Curve.Samples,
                each.Curve.Samples is null ? null : each.Curve.StandardError(r)));
    }
}
