using Skipwise.Models;
using Skipwise.Positions;
using Skipwise.Training;

namespace Skipwise.Benchmarks.Cost;

/// <summary>A kind of work that grows in one respect.</summary>
/// <param name="Title">for readers</param>
/// <param name="Axis">what grows</param>
/// <param name="N">what n stands for in the fitted law</param>
/// <param name="Points">which points are measured</param>
/// <param name="Work">creates the work of a point, with what grows there</param>
internal sealed record CostSeries(string Name, string Title, string Axis, double N, int[] Points,
    Func<int, (double X, BenchWork Work)> Work)
{
    private const int Steps = 3;
    private const double LongSeconds = 20;

    /// <summary>Whether the wall clock counts instead of CPU time.</summary>
    public bool IsByWall { get; init; }

    /// <summary>All series.</summary>
    public static IReadOnlyList<CostSeries> All { get; } =
    [
        new("window", "Training step by window", "window (tokens)", 1e3, [1024, 2048, 4096, 8192, 16384, 32768],
            tokens => (tokens, Training(BenchModels.Small(65536, 32), tokens, 65536))),
        new("target", "Training step by target length", "target length (tokens)", 1e3,
            [4096, 16384, 65536, 262144, 1048576],
            target => (target, Training(BenchModels.Small(target, target / 2048.0), 2048, target))),
        new("parameters", "Training step by parameters", "parameters", 1e6, [64, 128, 256, 512, 1024, 1536, 2048], hidden =>
        {
            DecoderConfig config = BenchModels.OfSize(hidden);
            return (BenchModels.Parameters(config), Training(config, 512, 16384));
        }),
        new("threads", "Training step by threads", "threads", 1, [1, 2],
            threads => (threads, Training(BenchModels.Small(), 2048, 16384))) { IsByWall = true },
        new("reading", "Reading a prompt by its length", "prompt (tokens)", 1e3, [512, 1024, 2048, 4096, 8192, 16384, 32768],
            tokens => (tokens, DecodeBench.Reading(tokens))),
        new("decoding", "Decoding a token by context", "context (tokens)", 1e3, [64, 512, 2048, 8192, 32768, 131072],
            tokens => (tokens, DecodeBench.Decoding(tokens))),
    ];

    /// <summary>Measures one point in this process.</summary>
    /// <remarks>The first step is not counted, unless it takes so long that what it compiles does not matter.</remarks>
    public CostPoint Measure(int at)
    {
        (double x, BenchWork work) = Work(at);
        using (work)
        {
            var usage = new List<StepUsage> { StepUsage.Of(work.Step) };
            if (usage[0].CpuSeconds < LongSeconds)
            {
                usage = [.. Enumerable.Range(0, Steps).Select(_ => StepUsage.Of(work.Step))];
            }
            return new(Name, at, x, Measurement.Median(usage.Select(step => step.WallSeconds)) / work.Tokens,
                Measurement.Median(usage.Select(step => step.CpuSeconds)) / work.Tokens, Math.Round(StepUsage.PeakRssMib()));
        }
    }

    /// <summary>The time of each point.</summary>
    public (double X, double Y)[] Times(IEnumerable<CostPoint> points) =>
        [.. points.Select(point => (point.X, IsByWall ? point.WallSeconds : point.CpuSeconds))];

    /// <summary>The memory of each point, MiB.</summary>
    public static (double X, double Y)[] Sizes(IEnumerable<CostPoint> points) => [.. points.Select(point => (point.X, point.PeakRssMib))];

    private static BenchWork Training(DecoderConfig config, int window, int target)
    {
        var train = new TrainCase("cost", Steps, config, new PoseOptions { TrainLength = window, TargetLength = target },
            new TrainOptions { BatchSize = 1 });
        return train.Start(Steps + 1) with { Tokens = 1 }; // the time of a step
    }
}
