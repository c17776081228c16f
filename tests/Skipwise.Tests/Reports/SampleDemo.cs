using Skipwise.Numerics;
using Skipwise.Reports;

namespace Skipwise.Tests.Reports;

/// <summary>Results as a demo could leave them: invented numbers of a plausible shape, window 256, target 2048.</summary>
internal static class SampleDemo
{
    public const int Train = 256, Target = 2048, Trials = 50;

    public static readonly int[] Lengths = [256, 512, 1024, 2048, 4096];

    /// <summary>PoSE meets the bars, the control fails at the target.</summary>
    public static DemoResults PoseWins { get; } =
        Results(shortCorrect: [50, 50, 46, 2, 0], poseCorrect: [50, 50, 50, 49, 31], shortPerplexity: [3.85, 3.58, 3.44, 4.73, 6.21]);

    /// <summary>The control does as well as PoSE.</summary>
    public static DemoResults Even { get; } =
        Results(shortCorrect: [50, 50, 49, 48, 30], poseCorrect: [50, 50, 50, 49, 31], shortPerplexity: [3.85, 3.58, 3.44, 3.45, 3.6]);

    /// <summary>PoSE does not reach the target.</summary>
    public static DemoResults PoseFails { get; } =
        Results(shortCorrect: [50, 44, 12, 40, 0], poseCorrect: [50, 41, 9, 1, 0], shortPerplexity: [3.85, 3.58, 3.44, 3.3, 3.3]) with
        {
            Bars = [DemoCriterion.AtLeast("base passkey at 256", 0.95, 1), DemoCriterion.AtLeast("PoSE passkey at 2048", 0.95, 0.02)],
        };

    public static IReadOnlyList<DemoTrial> TrialsOf(DemoResults results)
    {
        var trials = new List<DemoTrial>();
        foreach (PasskeyPoint point in results.Passkey)
        {
            for (int i = 0; i < point.Trials; i++)
            {
                bool correct = i >= point.Trials - point.Correct!.Value; // what is missed is missed at the start
                trials.Add(new(point.Variant, point.Length, (i + 0.5) / point.Trials, $"{10007 * (i + 1) % 100000:00000}",
                    correct ? $"{10007 * (i + 1) % 100000:00000}" : "12 on", correct));
            }
        }
        return trials;
    }

    private static DemoResults Results(int[] shortCorrect, int[] poseCorrect, double[] shortPerplexity) => new()
    {
        TrainLength = Train,
        TargetLength = Target,
        Model = "skipwise-demo-3m",
        Rope = "ntk, factor 16",
        Seed = 11,
        LongestTrainingWindow = 256,
        Settings = new Dictionary<string, string> { ["chunks"] = "2", ["steps"] = "200", ["batch"] = "16 windows" },
        Perplexity =
        [
            .. Perplexity(DemoVariant.Base, [3.86, 5.79, 13.8, 27.37, 88.1]),
            .. Perplexity(DemoVariant.Interpolated, [7.9, 9.2, 11.4, 12.9, 19.6]),
            .. Perplexity(DemoVariant.Short, shortPerplexity), .. Perplexity(DemoVariant.Pose, [3.91, 3.64, 3.52, 3.47, 3.96]),
        ],
        Passkey =
        [
            .. Passkey(DemoVariant.Base, [50, 0, 0, 0, 0]), .. Passkey(DemoVariant.Interpolated, [21, 14, 3, 0, 0]),
            .. Passkey(DemoVariant.Short, shortCorrect), .. Passkey(DemoVariant.Pose, poseCorrect),
        ],
        Seconds = new Dictionary<string, double>
        {
            ["load"] = 0.82,
            ["fine-tune pose"] = 61.4,
            ["fine-tune short"] = 60.9,
            ["perplexity"] = 33.2,
            ["passkey"] = 48.7
        },
        Training = new Dictionary<string, IReadOnlyList<TrainingPoint>>
        {
            [DemoVariant.Pose] = Losses(1, 2.9),
            [DemoVariant.Short] = Losses(2, 2.4)
        },
        Bars = [DemoCriterion.AtLeast("base passkey at 256 tokens", 0.95, 1),
            DemoCriterion.AtMost("base passkey from 512 tokens on", 0.1, 0),
            DemoCriterion.AtLeast("PoSE passkey up to 2048 tokens", 0.95, 0.98),
            DemoCriterion.AtMost("PoSE perplexity at 2048 tokens", 3.91, 3.47)],
        Examples = [Example(90, 0, 700), Example(30, 0, 1600), Example(170, 0, 250), Example(120, 0, 1400)],
    };

    private static IReadOnlyList<PositionRun> Example(int first, int start, int skip) =>
        [new(start, first), new(start + first + skip, Train - first)];

    private static IEnumerable<PerplexityPoint> Perplexity(string variant, double[] values) =>
        Lengths.Zip(values, (length, value) => new PerplexityPoint(variant, length, value, 0.04 * value, 12));

    private static IEnumerable<PasskeyPoint> Passkey(string variant, int[] correct) =>
        Lengths.Zip(correct, (length, right) => new PasskeyPoint(variant, length, (double)right / Trials, Trials)
        {
            Correct = right,
            IntervalLow = Math.Max(0, ((double)right / Trials) - 0.1),
            IntervalHigh = Math.Min(1, ((double)right / Trials) + 0.1),
        });

    private static TrainingPoint[] Losses(int seed, double start)
    {
        var random = new KeyedRandom((ulong)seed, 0, 0);
        var points = new TrainingPoint[200];
        for (int i = 0; i < points.Length; i++)
        {
            points[i] = new(i + 1, 1.3 + ((start - 1.3) * Math.Exp(-i / 30.0)) + (0.2 * random.NextDouble()),
                2e-3 * Math.Min(1, (i + 1) / 20.0));
        }
        return points;
    }
}
