using Skipwise.Data;
using Skipwise.Distributed;
using Skipwise.Models;
using Skipwise.Models.Lora;
using Skipwise.Recipes;
using Skipwise.Runs;
using Skipwise.Tests.Training;
using Skipwise.Training;
using Skipwise.Training.Optimizers;
using Skipwise.Training.Parallel;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Distributed;

/// <summary>Whatever is divided among however many ranks, a training is the one of one process.</summary>
public sealed class ShardedTrainingTests
{
    private static readonly TrainOptions s_options = new()
    {
        Steps = 5,
        BatchSize = 2,
        GradientAccumulationSteps = 8,
        LearningRate = 1e-2,
        WarmupSteps = 2,
        AdamW = new(WeightDecay: 0.1),
        MaxGradNorm = 0.5,
    };

    /// <summary>What is trained: all weights, or LoRA adapters of a base of so many bits.</summary>
    public enum Trained
    {
        All,
        Lora,
        LoraOn4Bits,
        LoraOn8Bits,
    }

    /// <summary>Every stage with every optimizer, type and base; <see cref="Pairs_that_cannot_be_are_refused"/> has the others.</summary>
    public static TheoryData<Shard, int, OptimizerKind, ScalarType, Trained> Cases()
    {
        var cases = new TheoryData<Shard, int, OptimizerKind, ScalarType, Trained>();
        foreach (Shard shard in Enum.GetValues<Shard>())
        {
            foreach (int ranks in (int[])[1, 2, 4])
            {
                cases.Add(shard, ranks, OptimizerKind.Adamw, ScalarType.Float32, Trained.All);
            }
            foreach (ScalarType dtype in (ScalarType[])[ScalarType.BFloat16, ScalarType.Float16])
            {
                cases.Add(shard, 2, OptimizerKind.Adamw, dtype, Trained.All);
                cases.Add(shard, 2, OptimizerKind.Adamw8bit, dtype, Trained.All);
                cases.Add(shard, 2, OptimizerKind.Adamw, dtype, Trained.Lora);
            }
            cases.Add(shard, 4, OptimizerKind.Adamw8bit, ScalarType.Float32, Trained.All);
            cases.Add(shard, 2, OptimizerKind.Adamw, ScalarType.Float32, Trained.Lora);
            cases.Add(shard, 2, OptimizerKind.Adamw8bit, ScalarType.Float32, Trained.Lora);
            foreach (Trained quantized in shard == Shard.Parameters ? [] : (Trained[])[Trained.LoraOn4Bits, Trained.LoraOn8Bits])
            {
                cases.Add(shard, 2, OptimizerKind.Adamw, ScalarType.Float32, quantized);
                cases.Add(shard, 2, OptimizerKind.Adamw8bit, ScalarType.BFloat16, quantized);
            }
        }
        cases.Add(Shard.None, 4, OptimizerKind.Adafactor, ScalarType.Float32, Trained.All);
        cases.Add(Shard.None, 2, OptimizerKind.Adafactor, ScalarType.Float16, Trained.All);
        cases.Add(Shard.None, 2, OptimizerKind.Adafactor, ScalarType.BFloat16, Trained.LoraOn8Bits);
        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Losses_norms_and_weights_are_those_of_one_process(Shard shard, int ranks, OptimizerKind optimizer, ScalarType dtype,
        Trained trained)
    {
        TrainOptions options = s_options with { Optimizer = optimizer, Shard = shard };
        (StepMetrics[] steps, float[] weights) = Train(null, options, dtype, trained);
        // 16-bit types round sums of gradients
        double tolerance = dtype == ScalarType.Float32 ? 1e-5 : 2e-3;
        (StepMetrics[] Steps, float[] Weights)[] all = ThreadRanks.Run(ranks, collective => Train(collective, options, dtype, trained));
        foreach ((StepMetrics[] Steps, float[] Weights) own in all)
        {
            Assert.Equal(steps.Select(Facts), own.Steps.Select(Facts));
            foreach ((StepMetrics one, StepMetrics several) in steps.Zip(own.Steps))
            {
                Assert.Equal(one.Loss, several.Loss, tolerance);
                Assert.Equal(1, several.GradientNorm / one.GradientNorm, 10 * tolerance);
            }
            Assert.Equal(weights.Length, own.Weights.Length);
            double error = Math.Sqrt(weights.Zip(own.Weights, (a, b) => Math.Pow(a - b, 2)).Sum() / weights.Sum(w => Math.Pow(w, 2)));
            Assert.InRange(error, 0, tolerance);
            Assert.Equal(all[0].Weights, own.Weights);
        }
    }

    /// <summary>What does not work together is one error before any work, which names both.</summary>
    [Theory]
    [InlineData(Shard.Optimizer, OptimizerKind.Adafactor, null, "Adafactor needs whole rows and columns")]
    [InlineData(Shard.Gradients, OptimizerKind.Adafactor, null, "Adafactor needs whole rows and columns")]
    [InlineData(Shard.Parameters, OptimizerKind.Adafactor, null, "Adafactor needs whole rows and columns")]
    [InlineData(Shard.Parameters, OptimizerKind.Adamw, 4, "quantized ones are not divided")]
    [InlineData(Shard.Parameters, OptimizerKind.Adamw8bit, 8, "quantized ones are not divided")]
    public void Pairs_that_cannot_be_are_refused(Shard shard, OptimizerKind optimizer, int? bits, string why)
    {
        var options = new FineTuneOptions
        {
            Model = "model",
            Data = new DataOptions { Paths = ["text"] },
            Out = "out",
            TargetLength = 256,
            Training = s_options with { Optimizer = optimizer, Shard = shard },
            Lora = bits is null ? new() : new() { Rank = 4, QuantizationBits = bits },
        };
        Assert.Contains(why, Assert.Throws<SkipwiseException>(() => FineTune.Validate(options, new SaveOptions())).Message);
        FineTune.Validate(options with { Training = s_options with { Optimizer = optimizer } }, new SaveOptions());
    }

    /// <summary>A gradient that overflows float16 on one rank, or in the part of one rank, skips the step on all and lowers the scale of
    /// all alike, as in one process.</summary>
    [Theory]
    [InlineData(Shard.None), InlineData(Shard.Optimizer), InlineData(Shard.Gradients), InlineData(Shard.Parameters)]
    public void All_ranks_find_the_same_overflow(Shard shard)
    {
        const double scale = 1 << 22;
        TrainOptions options = s_options with { Steps = 12, BatchSize = 1, GradientAccumulationSteps = 2, Shard = shard, MaxBadSteps = 12 };
        var source = new Unlabelled(new RandomExamples(50, 4, 16)); // only rank 0 has gradients
        (string?, double?)[] alone = Skips(null);
        int skipped = alone.Count(step => step.Item1 is not null);
        Assert.InRange(skipped, 3, options.Steps - 3); // some overflow, and after some of these the scale is halved
        Assert.True(alone[^1].Item2 < scale / 2, $"{alone[^1].Item2}");
        Assert.All(ThreadRanks.Run(2, Skips), steps => Assert.Equal(alone, steps));

        (string? Skipped, double? Scale)[] Skips(ICollective? collective)
        {
            using CausalLM model = TinyModel.Create(initializerRange: 0.05);
            ICollective ranks = collective ?? SingleProcess.Instance;
            using MasterWeights masters = MasterWeights.Create(model, ScalarType.Float16, CPU, offload: false, ranks, shard);
            using Optimizer optimizer = Optimizer.Create(model, options, masters);
            DataParallel? parallel = ranks.Size == 1 ? null : new DataParallel(ranks, optimizer, shard);
            var scaler = new LossScaler(new LossScalerState { Scale = scale });
            return
            [
                .. TrainLoop.Run(model, optimizer, source, options, null, null, scaler, parallel, CancellationToken.None)
                    .Select(step => (step.Skipped, step.LossScale)),
            ];
        }
    }

    /// <summary>A rank whose examples have no labels adds nothing, and takes part in everything.</summary>
    [Theory]
    [InlineData(Shard.None), InlineData(Shard.Optimizer), InlineData(Shard.Gradients), InlineData(Shard.Parameters)]
    public void A_rank_without_labels_adds_nothing(Shard shard)
    {
        TrainOptions options = s_options with { BatchSize = 1, GradientAccumulationSteps = 4, Shard = shard };
        var source = new Unlabelled(new RandomExamples(50, 4, 16));
        double[] alone = Losses(null);
        Assert.All(ThreadRanks.Run(2, Losses), losses =>
            Assert.All(alone.Zip(losses), pair => Assert.Equal(pair.First, pair.Second, 1e-5)));

        double[] Losses(ICollective? collective)
        {
            using CausalLM model = TinyModel.Create(initializerRange: 0.05);
            ICollective ranks = collective ?? SingleProcess.Instance;
            using MasterWeights masters = MasterWeights.Create(model, ScalarType.Float32, CPU, offload: false, ranks, shard);
            using Optimizer optimizer = Optimizer.Create(model, options, masters);
            DataParallel? parallel = ranks.Size == 1 ? null : new DataParallel(ranks, optimizer, shard);
            return [.. TrainLoop.Run(model, optimizer, source, options, null, null, null, parallel, CancellationToken.None)
                .Select(step => step.Loss)];
        }
    }

    /// <summary>A step with a loss that is no number is skipped by all ranks alike.</summary>
    [Theory]
    [InlineData(Shard.None), InlineData(Shard.Optimizer), InlineData(Shard.Gradients), InlineData(Shard.Parameters)]
    public void A_bad_step_is_skipped_by_all(Shard shard)
    {
        TrainOptions options = s_options with { Steps = 2, Shard = shard, MaxBadSteps = 2, LearningRate = 1e30, MaxGradNorm = 0 };
        string?[][] skipped = ThreadRanks.Run(2, ranks =>
        {
            using CausalLM model = TinyModel.Create(initializerRange: 0.05);
            using MasterWeights masters = MasterWeights.Create(model, ScalarType.Float32, CPU, offload: false, ranks, shard);
            using Optimizer optimizer = Optimizer.Create(model, options, masters);
            var parallel = new DataParallel(ranks, optimizer, shard);
            var steps = new List<StepMetrics>();
            Exception? end = Record.Exception(() => steps.AddRange(TrainLoop.Run(
                model, optimizer, new RandomExamples(50, 4, 16), options, null, null, null, parallel, CancellationToken.None)));
            return (string?[])[.. steps.Select(step => step.Skipped), end?.Message];
        });
        Assert.Equal(skipped[0], skipped[1]);
        Assert.Contains("training has diverged", skipped[0][^1]);
    }

    /// <summary>Every second example has no label that counts.</summary>
    private sealed class Unlabelled(IExampleSource source) : IExampleSource
    {
        public int Count => source.Count;

        public TrainingExample this[int epoch, int index] => index % 2 == 0 ? source[epoch, index]
            : source[epoch, index] with { Labels = [.. source[epoch, index].Labels.Select(_ => TrainingExample.IgnoreIndex)] };
    }

    /// <summary>A flipped bit on one rank would train two models.</summary>
    [Theory]
    [InlineData(Shard.None), InlineData(Shard.Gradients)]
    public void Ranks_whose_weights_differ_are_noticed(Shard shard)
    {
        string?[] told = ThreadRanks.Run(3, ranks =>
        {
            using CausalLM model = TinyModel.Create();
            using MasterWeights masters = MasterWeights.Create(model, ScalarType.Float32, CPU, offload: false, ranks, shard);
            using Optimizer optimizer = Optimizer.Create(model, s_options, masters);
            var parallel = new DataParallel(ranks, optimizer, shard);
            parallel.RequireEqualWeights();
            if (ranks.Rank == 2)
            {
                using IDisposable noGradient = no_grad();
                masters.Entries[3].Parameter.view(-1)[5].add_(1e-6f);
            }
            return Record.Exception(parallel.RequireEqualWeights)?.Message;
        });
        Assert.All(told, message => Assert.StartsWith("The weights of rank 2 differ from those of rank 0 (model.layers.0.", message));
    }

    private static (int, long, string?, double?) Facts(StepMetrics step) => (step.Step, step.Tokens, step.Skipped, step.LossScale);

    /// <returns>the steps, and all trained weights after them</returns>
    private static (StepMetrics[] Steps, float[] Weights) Train(ICollective? collective, TrainOptions options, ScalarType dtype,
        Trained trained)
    {
        using CausalLM model = TinyModel.Create(initializerRange: 0.05);
        if (trained != Trained.All)
        {
            int? bits = trained == Trained.LoraOn4Bits ? 4 : trained == Trained.LoraOn8Bits ? 8 : null;
            LoraInjector.Apply(model, new LoraOptions { Rank = 4, Dropout = 0.1, QuantizationBits = bits }, seed: 3);
        }
        ICollective ranks = collective ?? SingleProcess.Instance;
        using MasterWeights masters = MasterWeights.Create(model, dtype, CPU, offload: false, ranks, options.Shard);
        using Optimizer optimizer = Optimizer.Create(model, options, masters);
        DataParallel? parallel = ranks.Size == 1 ? null : new DataParallel(ranks, optimizer, options.Shard);
        var source = new RandomExamples(50, 4, 16);
        StepMetrics[] steps = [.. TrainLoop.Run(model, optimizer, source, options, null, null, null, parallel, CancellationToken.None)];
        using IDisposable noGradient = no_grad();
        using IDisposable swapped = masters.SwapIntoModel();
        var weights = new List<float>();
        foreach ((_, TorchSharp.Modules.Parameter parameter, _) in masters.Entries)
        {
            using IDisposable? present = model.Residence?.Gather([parameter]);
            weights.AddRange(parameter.detach().to(ScalarType.Float32).contiguous().data<float>().ToArray());
        }
        return (steps, [.. weights]);
    }
}
