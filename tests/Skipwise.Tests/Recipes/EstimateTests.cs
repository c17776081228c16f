using System.Text.Json;
using Skipwise.Recipes;
using Skipwise.Tests.Cli;

namespace Skipwise.Tests.Recipes;

/// <summary>The formula's parts against sums by hand, and that costs grow as they must. How near the clock it comes is measured apart (docs/training.md).</summary>
[Collection(nameof(AloneInTheProcess))]
public sealed class EstimateTests(SmallModel model) : IClassFixture<SmallModel>
{
    [Fact]
    public void Weights_gradients_and_means_are_counted_and_activations_grow_with_the_tokens()
    {
        CostEstimate estimate = Estimate.Run(Options() with { BatchSize = 2 });
        long weights = new FileInfo(Path.Combine(model.Folder, "model.safetensors")).Length; // float32, and a header of a few hundred bytes
        Assert.InRange(estimate.Pose.Memory.Weights, weights - 2000, weights);
        Assert.Equal(estimate.Pose.Memory.Weights, estimate.Pose.Memory.Gradients);
        Assert.Equal(2 * estimate.Pose.Memory.Weights, estimate.Pose.Memory.Optimizer);
        Assert.Equal((2, 64), (estimate.Pose.BatchSize, estimate.Pose.Length));
        Assert.Equal((2, 1024), (estimate.Full.BatchSize, estimate.Full.Length));
        Assert.Equal(16.0, (double)estimate.Full.Memory.Activations / estimate.Pose.Memory.Activations, 0.01);
        // one layer keeps at least its input, both norms, query, output, gate and up
        Assert.InRange(estimate.Pose.Memory.Activations, 2 * 64 * 4 * ((5 * 16) + (2 * 24)), 2 * 64 * 4 * 4000);
        Assert.True(estimate.Full.CpuSecondsPerStep > 0 && estimate.Full.SecondsPerStep > 0);
    }

    [Fact]
    public void The_largest_batch_fits_and_one_more_does_not()
    {
        CostEstimate estimate = Estimate.Run(Options() with { Memory = 1L << 30 });
        int largest = estimate.Pose.LargestBatch;
        Assert.True(largest > estimate.Full.LargestBatch && estimate.Full.LargestBatch > 0);
        // Of the batch, activations and scores grow in proportion, at most.
        MemoryEstimate one = estimate.Pose.Memory;
        long beside = one.Process + one.Weights + one.Optimizer;
        Assert.InRange(beside + (largest * one.Activations), 0, 1L << 30);
        Assert.Equal(0, Estimate.Run(Options() with { Memory = 1 << 20 }).Pose.LargestBatch);
    }

    [Fact]
    public async Task The_command_prints_a_table_or_JSON()
    {
        string[] words = ["estimate", "--model", model.Folder, "--target-length", "256", "--batch-size", "2", "--fit", "--memory", "2"];
        string table = (await CliRun.Of(words)).Succeeded().Output;
        Assert.Matches(@"windows +2 x 64 +2 x 256\n", table);
        Assert.Matches(@"peak memory +\d+\.\d\d GiB +\d+\.\d\d GiB\n", table);
        Assert.Matches(@"PoSE: --batch-size \d+ is the largest that fits 2\.00 GiB", table);
        JsonElement json = JsonDocument.Parse((await CliRun.Of([.. words, "--json"])).Succeeded().Output).RootElement;
        Assert.Equal(2L << 30, json.GetProperty("available_memory").GetInt64());
        Assert.Equal(64, json.GetProperty("pose").GetProperty("length").GetInt32());
        (await CliRun.Of([.. words, "--gradient-accumulation", "0", "--probe-tokens", "1"])).Complained("--gradient-accumulation is 0", "--probe-tokens is 1");
    }

    private EstimateOptions Options() => new() { Model = model.Folder, TargetLength = 1024, BatchSize = 1 };
}

/// <summary>Tests that measure the memory of the process run while no other does.</summary>
[CollectionDefinition(nameof(AloneInTheProcess), DisableParallelization = true)]
public sealed class AloneInTheProcess;
