using System.Text.Json;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Data;
using Skipwise.Estimation;
using Skipwise.Models;
using Skipwise.Models.Lora;
using Skipwise.Runtime;
using Skipwise.Tests.Cli;
using Skipwise.Training;
using Skipwise.Training.Optimizers;
using Skipwise.Training.Parallel;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Estimation;

/// <summary>The formula's parts against sums by hand, and the whole against a step.</summary>
[Collection(nameof(AloneInTheProcess))]
public sealed class CostEstimatorTests(SmallModel model) : IClassFixture<SmallModel>
{
    [Fact]
    public void Weights_gradients_and_means_are_counted()
    {
        CostEstimate estimate = CostEstimator.Run(Options() with { BatchSize = 2 });
        long weights = new FileInfo(Path.Combine(model.Folder, "model.safetensors")).Length; // float32, and a header of a few hundred bytes
        Assert.InRange(estimate.Pose.Memory.Weights, weights - 2000, weights);
        Assert.Equal(estimate.Pose.Memory.Weights, estimate.Pose.Memory.Gradients);
        Assert.Equal(2 * estimate.Pose.Memory.Weights, estimate.Pose.Memory.Optimizer);
        Assert.Equal((2, 64), (estimate.Pose.BatchSize, estimate.Pose.Length));
        Assert.Equal((2, 256), (estimate.Full.BatchSize, estimate.Full.Length));
        Assert.True(estimate.Full.CpuSecondsPerStep > 0 && estimate.Full.SecondsPerStep > 0);
    }

    /// <summary>32 times as many tokens take longer, whatever else runs: each of the two times is that of its own window.</summary>
    [Fact]
    public void The_full_window_takes_longer_than_the_windows_of_PoSE()
    {
        var notes = new List<string>();
        CostEstimate estimate = CostEstimator.Run(Options() with { TargetLength = 2048 }, new SynchronousProgress<string>(notes.Add));
        Assert.Equal(["timing one layer, windows of up to 64 tokens", "timing one layer, windows of up to 2048 tokens"],
            notes.Where(note => note.StartsWith("timing", StringComparison.Ordinal)));
        Assert.Equal((64, 2048), (estimate.Pose.Length, estimate.Full.Length));
        Assert.InRange(estimate.Full.CpuSecondsPerStep!.Value, 2 * estimate.Pose.CpuSecondsPerStep!.Value, double.MaxValue);
        Assert.InRange(estimate.Full.Memory.BackwardPeak, 2 * estimate.Pose.Memory.BackwardPeak, long.MaxValue);
    }

    [Fact]
    public void It_ends_when_it_is_asked_to()
    {
        using var stop = new CancellationTokenSource();
        var stopping = new SynchronousProgress<string>(note =>
        {
            if (note.Contains("timing", StringComparison.Ordinal)) { stop.Cancel(); }
        });
        Assert.Throws<OperationCanceledException>(() => CostEstimator.Run(Options(), stopping, stop.Token));
    }

    /// <summary>A step of the real thing. How near a whole run comes on three sizes of model is measured apart
    /// (docs/training.md).</summary>
    [Theory]
    [InlineData(0, 0), InlineData(1, 0), InlineData(2, 0), InlineData(1, 8)]
    public void A_step_takes_what_was_estimated(int recomputeEvery, int loraRank)
    {
        const int batch = 4, length = 512; // so many tokens that what the runtime itself takes meanwhile, some megabytes, does not count
        var config = new DecoderConfig
        {
            VocabSize = 1000,
            HiddenSize = 128,
            IntermediateSize = 344,
            NumHiddenLayers = 8,
            NumAttentionHeads = 4,
            NumKeyValueHeads = 4,
            HeadDim = 32,
            MaxPositionEmbeddings = length,
        };
        var lora = new LoraOptions { Rank = loraRank };
        using var model = new CausalLM(config);
        WeightInit.Initialize(model, seed: 1);
        using var sizes = new LayerSizes(config, lora, OptimizerKind.Adamw, (CPU, ScalarType.Float32), offload: false);
        long estimate = MemoryModel.Create(sizes, recomputeEvery).Step(batch, length, 1).BackwardPeak;
        if (lora.IsEnabled)
        {
            LoraInjector.Apply(model, lora, seed: 1);
        }
        using var optimizer = new FusedAdamW(model, new());
        using Batch inputs =
            Batch.Padded(
                [.. Enumerable.Range(0, batch).Select(row => TinyModel.Tokens((ulong)row, length, 1000))
                    .Select(ids => new TrainingExample(ids, [.. Enumerable.Range(0, length)], ids))], CPU);
        void Step()
        {
            CausalLoss.Backward(model, inputs, batch * length, recomputeEvery).Dispose();
            optimizer.ClipAndStep(0, 1);
        }
        Step();
        // what the runtime takes now and then is none of the step's
        double peak = Enumerable.Range(0, 3).Min(_ => ProcessMemory.PeakDuring(Step));
        TestContext.Current.TestOutputHelper!.WriteLine($"{estimate / 1e6:0.0} MB, measured {peak / 1e6:0.0}");
        Assert.InRange(estimate / peak, 0.85, 1.15);
    }

    [Fact]
    public void The_largest_batch_fits_and_one_more_does_not()
    {
        const long memory = 1L << 30;
        using LayerSizes sizes = Sizes(ScalarType.Float32, offload: false);
        var costs = MemoryModel.Create(sizes, recomputeEvery: 0);
        int largest = costs.LargestBatch(64, 1, memory);
        Assert.InRange(largest, 2, 1 << 20);
        Assert.InRange(costs.Step(largest, 64, 1).Peak, 0, MemoryModel.UsableFraction * memory);
        Assert.InRange(costs.Step(largest + 1, 64, 1).Peak, (MemoryModel.UsableFraction * memory) + 1, long.MaxValue);
        Assert.True(costs.LargestBatch(64, 4, memory) <= largest && costs.LargestBatch(256, 1, memory) < largest);
        Assert.Equal(0, costs.LargestBatch(64, 1, 1 << 18));
    }

    /// <summary>ZeRO's arithmetic (Rajbhandari et al. 2020): what is divided is there once over all ranks, and a ring moves
    /// (n - 1) / n of it.</summary>
    [Theory]
    [InlineData(ScalarType.Float32), InlineData(ScalarType.BFloat16)]
    public void Each_stage_divides_more_among_the_ranks(ScalarType dtype)
    {
        using var sizes = new LayerSizes(HfConfig.ForModel(model.Folder).Model with { NumHiddenLayers = 24 }, new LoraOptions(),
            OptimizerKind.Adamw, (CPU, dtype), offload: false);
        int layers = sizes.Config.NumHiddenLayers, width = sizes.Width;
        long trained = sizes.Trained.Total(layers) / width, state = sizes.OptimizerState.Total(layers);
        MemoryEstimate Of(int ranks, Shard shard, int accumulation = 1) =>
            MemoryModel.Create(sizes, recomputeEvery: 1, new RankDivision(ranks, shard)).Step(2, 64, accumulation);
        MemoryEstimate alone = Of(1, Shard.Parameters);
        Assert.Equal(MemoryModel.Create(sizes, recomputeEvery: 1).Step(2, 64, 1), alone);
        Assert.Equal((sizes.Weights.Total(layers), state), (Of(4, Shard.None).Weights, Of(4, Shard.None).Optimizer));
        Assert.Equal((state + 3) / 4, Of(4, Shard.Optimizer).Optimizer);
        Assert.Equal(trained * sizeof(float) / 4, Of(4, Shard.Gradients, accumulation: 2).Gradients, 4L);
        Assert.Equal(trained * sizeof(float), Of(4, Shard.Optimizer, accumulation: 2).Gradients); // whole ones accumulate
        // float32 master weights: weights at float32, part of the state at 16 bits
        Assert.Equal(width == sizeof(float) ? trained : 0, Of(4, Shard.Parameters).Weights, 4L);
        Assert.True(Of(4, Shard.Parameters).Peak < Of(4, Shard.Gradients).Peak);
        Assert.True(Of(4, Shard.Gradients, 2).Peak < Of(4, Shard.None, 2).Peak);

        // Buckets on their way: of whole sums they may be all gradients of a small model, of divided ones an eighth.
        long all = trained * sizeof(float), unit = sizes.Trained.Layer / width * sizeof(float);
        long ends = sizes.Trained.Ends / width * sizeof(float) / 2;
        long Buckets(bool divides) =>
            2 * Math.Min(all, Math.Max(GradientBuckets.BytesOf(divides, all), Math.Max(unit, ends)));
        Assert.True(Buckets(false) > Buckets(true));
        Assert.Equal(1.1 * (Buckets(false) - Buckets(true)),
            Of(4, Shard.None, 2).BackwardPeak - Of(4, Shard.Optimizer, 2).BackwardPeak, 2.0);
        // While a layer computes, its parameters are there, and those of the next.
        MemoryEstimate OfMany(Shard shard) => MemoryModel.Create(sizes, recomputeEvery: 1, new RankDivision(4, shard)).Step(256, 64, 1);
        Assert.Equal(1.1 * 2 * sizes.Weights.Layer, OfMany(Shard.Parameters).BackwardPeak - OfMany(Shard.Gradients).BackwardPeak, 2.0);

        long Sent(int ranks, Shard shard, int accumulation = 1) => new RankDivision(ranks, shard).BytesSent(sizes, accumulation);
        Assert.Equal(0, Sent(1, Shard.Parameters));
        Assert.Equal(2 * sizeof(float) * trained * 3 / 4, Sent(4, Shard.None));
        Assert.Equal((sizeof(float) + width) * trained * 3 / 4, Sent(4, Shard.Gradients));
        Assert.Equal(((2 * sizeof(float)) + width) * trained / 2, Sent(2, Shard.Gradients, accumulation: 2));
        Assert.InRange(Sent(2, Shard.Parameters), (sizeof(float) + width) * trained / 2, (sizeof(float) + (2 * width)) * trained / 2);
    }

    /// <summary>Gradients of 16 bits that wait in float32 for the next micro-batch leave less room, in the proposal too.</summary>
    [Fact]
    public void The_proposed_batch_is_that_of_the_accumulation()
    {
        const long memory = 4L << 30;
        CostEstimate estimate = CostEstimator.Run(Options() with
        {
            GradientAccumulationSteps = 4,
            Compute = new() { Device = "cpu", Dtype = Precision.Bfloat16 },
            Memory = memory,
        });
        using LayerSizes sizes = Sizes(ScalarType.BFloat16, offload: false);
        MemoryModel costs = MemoryModel.Create(sizes, recomputeEvery: 0) with { Process = estimate.Pose.Memory.Process };
        Assert.NotEqual(costs.LargestBatch(64, 1, memory), costs.LargestBatch(64, 4, memory));
        Assert.Equal((costs.LargestBatch(64, 4, memory), costs.LargestBatch(256, 4, memory)),
            (estimate.Pose.LargestBatch, estimate.Full.LargestBatch));
    }

    /// <summary>What is kept in host memory does not count where the model is.</summary>
    [Theory]
    [InlineData(false), InlineData(true)]
    public void The_peak_is_the_sum_of_what_the_device_holds(bool offload)
    {
        using LayerSizes sizes = Sizes(ScalarType.BFloat16, offload);
        MemoryEstimate memory = (MemoryModel.Create(sizes, recomputeEvery: 0) with { Process = 1000 }).Step(1, 64, 1);
        Assert.Equal(2 * 3 * memory.Weights, memory.Optimizer); // two means and the master, of four bytes each, for weights of two
        Assert.Equal(memory.Process + memory.Weights + memory.BackwardPeak + (offload ? 0 : memory.Optimizer), memory.Peak);
    }

    public static TheoryData<LoraOptions, OptimizerKind, ScalarType, bool> Runs => new()
    {
        { new(), OptimizerKind.Adamw, ScalarType.Float32, false },
        { new(), OptimizerKind.Adamw8bit, ScalarType.BFloat16, false },
        { new(), OptimizerKind.Adafactor, ScalarType.Float32, true },
        { new() { Rank = 4 }, OptimizerKind.Adamw, ScalarType.BFloat16, true },
        {
            new() { Rank = 4, QuantizationBits = 4, TrainNorms = true, TrainEmbeddings = true }, OptimizerKind.Adamw, ScalarType.Float32,
            false
        },
        { new() { Rank = 3, QuantizationBits = 8, TargetModules = ["up_proj"] }, OptimizerKind.Adamw8bit, ScalarType.Float16, false },
    };

    /// <summary>Sizes are counted without memory; these are the tensors of a model that has some.</summary>
    [Theory]
    [MemberData(nameof(Runs))]
    public void Counted_sizes_are_those_of_tensors(LoraOptions lora, OptimizerKind optimizer, ScalarType dtype, bool offload)
    {
        DecoderConfig config = HfConfig.ForModel(model.Folder).Model with { TieWordEmbeddings = false, HiddenSize = 72, HeadDim = 36 };
        using var sizes = new LayerSizes(config, lora, optimizer, (CPU, dtype), offload);
        using var real = new StepProfiler(sizes);
        long Bytes(Func<Tensor, bool> isCounted) => real.Model.parameters().Where(isCounted).Sum(p => p.numel() * p.element_size());
        Assert.Equal(Bytes(_ => true) + LoraInjector.QuantizedBytes(real.Model), sizes.Weights.Total(1));
        Assert.Equal(Bytes(parameter => parameter.requires_grad), sizes.Trained.Total(1));
        Assert.Equal(real.OptimizerBytes, sizes.OptimizerState.Total(1));
        Assert.Equal(LoraInjector.IsQuantized(real.Model), sizes.IsQuantized);
        Assert.Equal(LoraInjector.Projections(real.Model).Sum(p => p.Projection.MatrixSize), sizes.LayerMatrices);
        Assert.Equal(real.Model.IsHeadLinear, sizes.Model.IsHeadLinear);
    }

    /// <summary>A layer with 690 GB of weights: its memory follows from config.json, and its time needs a larger machine.</summary>
    [Fact]
    public async Task A_layer_that_does_not_fit_is_estimated_without_its_time()
    {
        const long hidden = 1 << 17, inner = 1 << 18, vocabulary = 1000, layers = 3;
        string huge = Directory.CreateDirectory(model.Path("huge")).FullName;
        await File.WriteAllTextAsync(Path.Combine(huge, "config.json"),
            $$"""
            {
              "model_type": "llama", "vocab_size": {{vocabulary}}, "hidden_size": {{hidden}}, "intermediate_size": {{inner}},
              "num_hidden_layers": {{layers}}, "num_attention_heads": 1024, "num_key_value_heads": 1024, "rms_norm_eps": 1e-5,
              "max_position_embeddings": 64, "tie_word_embeddings": false
            }
            """);
        CostEstimate estimate = CostEstimator.Run(Options() with { Model = huge });
        long weights = (layers * ((4 * hidden * hidden) + (3 * hidden * inner) + (2 * hidden))) + (2 * vocabulary * hidden) + hidden;
        Assert.Equal((4 * weights, 4 * weights, 8 * weights),
            (estimate.Pose.Memory.Weights, estimate.Pose.Memory.Gradients, estimate.Pose.Memory.Optimizer));
        Assert.Equal((null, null), (estimate.Pose.SecondsPerStep, estimate.Full.CpuSecondsPerStep));
        Assert.InRange(estimate.Full.Memory.Process, 50 << 20, 1L << 34); // libtorch has run
        CliRun run = (await CliRun.Of("estimate", "-m", huge, "-t", "256")).Succeeded();
        Assert.Matches(@"peak memory +\d{4}\.\d\d GiB", run.Output);
        Assert.Matches(@"\nseconds +unknown +unknown\n", run.Output);
        Assert.Matches(@"No time was estimated: one layer .* takes \d{4}\.\d GiB, and \d+\.\d GiB of this machine's memory can be used",
            run.Output);
        CliRun json = (await CliRun.Of("estimate", "-m", huge, "-t", "256", "--lora-rank", "8", "--quantization-bits", "4", "--json"))
            .Succeeded();
        PublishedSchema.Validate("estimate", json.Output);
        JsonElement document = JsonDocument.Parse(json.Output).RootElement;
        Assert.False(document.GetProperty("pose").TryGetProperty("seconds_per_step", out _));
        Assert.StartsWith("No time", document.GetProperty("untimed_because").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_command_prints_a_table_or_JSON()
    {
        string[] words = ["estimate", "--model", model.Folder, "--target-length", "256", "--batch-size", "2", "--fit", "--memory", "64"];
        string table = (await CliRun.Of(words)).Succeeded().Output;
        Assert.Matches(@"windows +2 x 64 +2 x 256\n", table);
        Assert.Matches(@"peak memory +\d+\.\d\d GiB +\d+\.\d\d GiB\n", table);
        Assert.Matches(@"PoSE: --batch-size \d+ is the largest that fits 64\.00 GiB", table);
        JsonElement json = JsonDocument.Parse((await CliRun.Of([.. words, "--json"])).Succeeded().Output).RootElement;
        Assert.Equal(64L << 30, json.GetProperty("available_memory").GetInt64());
        Assert.Equal(64, json.GetProperty("pose").GetProperty("length").GetInt32());
        (await CliRun.Of([.. words, "--device", "cuda:99"])).Complained("--device cuda:99: libtorch finds");
        (await CliRun.Of([.. words, "--gradient-accumulation", "0", "--recompute-every", "-1"]))
            .Complained("--gradient-accumulation is 0", "--recompute-every is -1");
    }

    private CostEstimatorOptions Options() => new() { Model = model.Folder, TargetLength = 256, BatchSize = 1 };

    private LayerSizes Sizes(ScalarType dtype, bool offload) =>
        new(HfConfig.ForModel(model.Folder).Model, new LoraOptions(), OptimizerKind.Adamw, (CPU, dtype), offload);
}
