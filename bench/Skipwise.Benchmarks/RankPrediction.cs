using System.Text.Json;
using Skipwise.Estimation;
using Skipwise.Models;
using Skipwise.Models.Lora;
using Skipwise.Training;
using Skipwise.Training.Optimizers;
using TorchSharp;
using static TorchSharp.torch;
using EstimatedFlops = Skipwise.Estimation.StepFlops;

namespace Skipwise.Benchmarks;

/// <summary>What <see cref="RankStep"/> predicts: beside measured steps of this machine, and for GPUs that nobody has run.</summary>
internal static class RankPrediction
{
    // AdamW reads the gradient, both means and the master weight of a weight, and writes the latter three and the weight of 16 bits
    private const double UpdateBytes = (4 * 4) + (3 * 4) + 2;

    private static readonly Dictionary<string, (int Laps, int Adding, Func<RingCost, double, double> Seconds)> s_operations = new()
    {
        ["all-gather"] = (1, 0, (ring, bytes) => ring.AllGather(bytes)),
        ["reduce-scatter"] = (1, 1, (ring, bytes) => ring.ReduceScatter(bytes)),
        ["all-reduce"] = (2, 1, (ring, bytes) => ring.AllReduce(bytes)),
    };

    private static readonly DecoderConfig s_llama7B = new()
    {
        VocabSize = 32000,
        HiddenSize = 4096,
        IntermediateSize = 11008,
        NumHiddenLayers = 32,
        NumAttentionHeads = 32,
        NumKeyValueHeads = 32,
        HeadDim = 128,
        MaxPositionEmbeddings = 4096,
        Rope = new(),
    };

    /// <summary>Fits the cost of operations to measured ones, and holds predicted steps against measured ones.</summary>
    /// <param name="operations">file of <see cref="CollectiveTime"/></param>
    /// <param name="steps">file of <see cref="RankResult"/>: trainings by several ranks, and by one that computes as much as each of them;
    /// null: none</param>
    public static void Fit(string operations, string? steps)
    {
        CollectiveTime[] timed = Read<CollectiveTime>(operations);
        static double Bytes(CollectiveTime one) => one.Mib * (1 << 20);
        RingFit fit = RingFit.Of([.. timed.Select(one => (
            s_operations[one.Name].Laps, s_operations[one.Name].Adding, one.Ranks, Bytes(one), one.Milliseconds / 1000))]);
        Console.WriteLine($"{fit.HopSeconds * 1e6:0.0} us a hop, {1e-9 / fit.SecondsPerByte:0.00} GB/s sent, " +
            $"{1e-9 / fit.SecondsPerAddedByte:0.00} GB/s added");
        foreach (CollectiveTime one in timed)
        {
            double predicted = 1000 * s_operations[one.Name].Seconds(fit.For(one.Ranks), Bytes(one));
            Console.WriteLine($"{one.Ranks} ranks, {one.Mib,6:0.###} MiB, {one.Name,-14}: measured {one.Milliseconds,7:0.000} ms, " +
                $"predicted {predicted,7:0.000}, {predicted / one.Milliseconds:0.00}");
        }
        RankResult[] all = steps is null ? [] : Read<RankResult>(steps);
        foreach (var measured in all.Where(one => one.Ranks > 1)
            .GroupBy(one => (one.Case, one.Ranks, one.Threads, one.GlobalBatch, one.Shard)))
        {
            PrintStep(fit, [.. measured], all);
        }
    }

    /// <summary>Predicts the throughput of a GPU among 8 to 1024 that train 7 B parameters.</summary>
    /// <param name="setting">a number of the command line by its name, and its default</param>
    public static void Predict(Func<string, double, double> setting)
    {
        double speed = setting("--teraflops", 989) * 1e12 * setting("--mfu", 0.4), memory = setting("--memory", 3000) * 1e9;
        int batch = (int)setting("--batch-size", 2), length = (int)setting("--length", 4096), perMachine = (int)setting("--gpus", 8);
        (double, double) inside = (setting("--hop", 3.4) * 1e-6, setting("--link", 370) * 1e9);
        (double, double) between = (setting("--network-hop", 14) * 1e-6, setting("--network", 45) * 1e9);
        foreach (Shard shard in Enum.GetValues<Shard>())
        {
            foreach (int ranks in (int[])[8, 64, 256, 1024])
            {
                RankStep step = Step(s_llama7B, new RankDivision(ranks, shard), RingCost.OfMachines(ranks, perMachine, inside, between),
                    1, (batch, length), ScalarType.BFloat16, _ => speed);
                step = step with { UpdateSeconds = step.Passes.Sum(pass => pass.Completed.Sum()) * UpdateBytes / memory };
                double seconds = step.Seconds(accumulation: 1), compute = step.ComputeSeconds(accumulation: 1);
                Console.WriteLine($"{shard,-10} {ranks,5} GPUs: {seconds,6:0.00} s a step, of which {compute:0.00} s are computation: " +
                    $"{compute / seconds,4:0%}, {(double)ranks * batch * length / seconds,10:0} tokens/s");
            }
        }
    }

    /// <param name="measured">runs of one kind</param>
    /// <param name="all">with those of one rank</param>
    private static void PrintStep(RingFit fit, RankResult[] measured, RankResult[] all)
    {
        RankResult kind = measured[0];
        var training = (TrainCase)BenchCase.All.First(known => known.Name == kind.Case);
        int recomputeEvery = kind.Shard == Shard.Parameters ? 1 : 0;
        double[] alone = [.. all.Where(one => (one.Case, one.Ranks, one.Threads, one.RecomputeEvery, one.GlobalBatch * kind.Ranks)
            == (kind.Case, 1, kind.Threads, recomputeEvery, kind.GlobalBatch)).Select(one => one.CpuSecondsPerStep / one.Threads)];
        if (alone.Length == 0)
        {
            Console.WriteLine($"{kind.Shard}: no run by one process tells what a rank computes");
            return;
        }
        double compute = Median(alone);
        double seconds = Median(measured.Select(one => (double)one.GlobalBatch * training.Window / one.TokensPerSecond));
        int accumulation = kind.GlobalBatch / kind.Ranks / training.Training.BatchSize;
        RankStep step = Step(training.Model, new RankDivision(kind.Ranks, kind.Shard), fit.For(kind.Ranks), recomputeEvery,
            (training.Training.BatchSize, training.Window), ScalarType.Float32, flops => accumulation * flops / compute);
        double predicted = step.Seconds(accumulation);
        Console.WriteLine($"{kind.Ranks} ranks, {kind.Shard,-10}: one that exchanges nothing {compute:0.000} s a step, " +
            $"predicted {predicted:0.000}, measured {seconds:0.000}, {predicted / seconds:0.00}");
    }

    /// <param name="speed">FLOPs per second of a rank; the FLOPs of a micro-batch are given</param>
    private static RankStep Step(DecoderConfig config, RankDivision division, RingCost ring, int recomputeEvery,
        (int Batch, int Length) shape, ScalarType dtype, Func<double, double> speed)
    {
        using var sizes = new LayerSizes(config, new LoraOptions(), OptimizerKind.Adamw, (CPU, dtype), offload: false);
        var flops = new EstimatedFlops(config, sizes.LayerMatrices, IsFrozen: false, recomputeEvery);
        double all = flops.Layers(shape.Batch, shape.Length) + ((double)shape.Batch * shape.Length * flops.EndsPerToken);
        return new(division, ring, BlockPass.Of(sizes, flops, shape.Batch, shape.Length, speed(all)), UpdateSeconds: 0, sizes.Width);
    }

    private static T[] Read<T>(string path) =>
        [.. File.ReadLines(path).Select(line => JsonSerializer.Deserialize<T>(line, BenchResult.Json)!)];

    private static double Median(IEnumerable<double> values) => values.Order().ToArray() is var sorted ? sorted[sorted.Length / 2] : 0;
}
