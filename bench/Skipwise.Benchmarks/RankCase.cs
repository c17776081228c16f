using System.Text.Json;
using Skipwise.Distributed;
using Skipwise.Models;
using Skipwise.Runtime;
using Skipwise.Training;
using Skipwise.Training.Optimizers;
using Skipwise.Training.Parallel;
using static TorchSharp.torch;

namespace Skipwise.Benchmarks;

/// <summary>One measurement of a training by ranks.</summary>
/// <param name="Threads">of each rank</param>
/// <param name="TokensPerSecond">of all ranks, the median step</param>
/// <param name="CpuSecondsPerStep">of all ranks</param>
/// <param name="StateMib">optimizer state of the rank that has most</param>
/// <param name="WeightMib">parameters and separate master weights of the rank that has most, between steps</param>
/// <param name="PeakRssMib">of the rank that has most</param>
/// <param name="GradientMib">the most that gradients took when an exchange began, with those on their way, of the rank that has most; null:
/// one process</param>
internal sealed record RankResult(string Case, Shard Shard, int Ranks, int Threads, int GlobalBatch, double TokensPerSecond,
    double CpuSecondsPerStep, double StateMib, double WeightMib, double PeakRssMib, double Loss, int RecomputeEvery = 0,
    double? GradientMib = null);

/// <summary>A training case by the ranks that a launcher started, or by this process alone.</summary>
internal static class RankCase
{
    private const double Mib = 1 << 20;

    /// <param name="accumulation">micro-batches of each rank</param>
    /// <param name="timeline">file for what the last step exchanged and when, with its picture; null: none</param>
    public static void Run(TrainCase chosen, int steps, int accumulation, int recomputeEvery, Shard shard, string? timeline)
    {
        using ICollective joined = Collectives.Join(Launcher.Detect());
        var ranks = new RecordedCollective(joined);
        TrainOptions options = chosen.Training with
        {
            Steps = steps + 1,
            GradientAccumulationSteps = accumulation,
            RecomputeEvery = recomputeEvery,
            Shard = shard,
        };
        options = options.ForRanks(ranks.Size);
        using CausalLM model = BenchModels.Create(chosen.Model);
        using MasterWeights masters = MasterWeights.Create(model, ScalarType.Float32, CPU, offload: false, ranks, shard);
        using Optimizer optimizer = Optimizer.Create(model, options, masters);
        ranks.GradientBytes = () => optimizer.GradientBytes;
        DataParallel? parallel = ranks.Size == 1 ? null : new DataParallel(ranks, optimizer, shard);
        using IEnumerator<StepMetrics> run =
            TrainLoop.Run(model, optimizer, chosen.Source(), options, null, null, null, parallel, CancellationToken.None).GetEnumerator();
        run.MoveNext(); // libtorch's first step
        var usages = new List<StepUsage>();
        for (int step = 0; step < steps; step++)
        {
            ranks.Barrier();
            ranks.Clear();
            usages.Add(StepUsage.Of(() => run.MoveNext()));
        }
        if (timeline is not null)
        {
            ranks.Write(timeline, usages[^1].WallSeconds);
        }
        long own = model.parameters().Sum(parameter => model.Residence is null ? parameter.numel() * parameter.element_size() : 0)
            + (masters.AreSeparate ? masters.Entries.Sum(entry => entry.Master.numel() * entry.Master.element_size()) : 0);
        double[][] all = [.. ranks.AllGather<double[]>(
            [optimizer.StateBytes / Mib, own / Mib, StepUsage.PeakRssMib(), usages.Sum(usage => usage.CpuSeconds) / steps,
            ranks.PeakGradientBytes / Mib])];
        double seconds = usages.Select(usage => usage.WallSeconds).Order().ElementAt(steps / 2);
        int batch = options.BatchSize * options.GradientAccumulationSteps;
        if (ranks.Rank == 0)
        {
            Console.WriteLine(JsonSerializer.Serialize(new RankResult(
                chosen.Name, shard, ranks.Size, TorchThreads.Count, batch, Math.Round((double)batch * chosen.Window / seconds),
                Math.Round(all.Sum(rank => rank[3]), 3), Math.Round(all.Max(rank => rank[0]), 1), Math.Round(all.Max(rank => rank[1]), 1),
                Math.Round(all.Max(rank => rank[2])), run.Current.Loss, recomputeEvery,
                ranks.Size == 1 ? null : Math.Round(all.Max(rank => rank[4]), 1)), BenchResult.Json));
        }
        ranks.Barrier();
    }
}
