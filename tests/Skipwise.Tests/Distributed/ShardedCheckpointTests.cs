using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Distributed;
using Skipwise.Models;
using Skipwise.Runs;
using Skipwise.Tests.Training;
using Skipwise.Training;
using Skipwise.Training.Optimizers;
using Skipwise.Training.Parallel;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Distributed;

/// <summary>A checkpoint is the same for every number of ranks and every stage, so that a run goes on with another.</summary>
public sealed class ShardedCheckpointTests
{
    private static readonly TrainOptions s_options = new()
    {
        Steps = 4,
        BatchSize = 2,
        GradientAccumulationSteps = 4,
        LearningRate = 1e-2,
        WarmupSteps = 1,
        AdamW = new(WeightDecay: 0.1),
    };

    private static readonly RandomExamples s_source = new(50, 4, 16);

    public static TheoryData<int, Shard, int, Shard, OptimizerKind, ScalarType> Cases() => new()
    {
        { 1, Shard.None, 2, Shard.Parameters, OptimizerKind.Adamw, ScalarType.Float32 },
        { 2, Shard.None, 4, Shard.Optimizer, OptimizerKind.Adamw, ScalarType.Float32 },
        { 4, Shard.Parameters, 1, Shard.None, OptimizerKind.Adamw, ScalarType.Float32 },
        { 2, Shard.Gradients, 4, Shard.Parameters, OptimizerKind.Adamw8bit, ScalarType.Float32 },
        { 4, Shard.Optimizer, 1, Shard.None, OptimizerKind.Adamw, ScalarType.BFloat16 },
        { 1, Shard.None, 2, Shard.Gradients, OptimizerKind.Adamw, ScalarType.BFloat16 },
        { 2, Shard.Parameters, 2, Shard.Optimizer, OptimizerKind.Adamw8bit, ScalarType.BFloat16 },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_run_goes_on_with_other_ranks_and_another_stage(int ranks, Shard shard, int laterRanks, Shard laterShard,
        OptimizerKind optimizer, ScalarType dtype)
    {
        using var temp = new TempFolder();
        string folder = temp["base"], run = temp["run"], again = temp["again"];
        using (CausalLM model = TinyModel.Create(initializerRange: 0.05))
        using (var pretrained = PretrainedModel.Create(model))
        {
            pretrained.Save(folder);
        }
        TrainOptions options = s_options with { Optimizer = optimizer };
        StepMetrics[] whole = Run(1, collective => Steps(collective, options, dtype, folder, null, temp["whole"], 4))[0];
        StepMetrics[] first = Run(ranks, collective => Steps(collective, options with { Shard = shard }, dtype, folder, null, run, 2))[0];
        string checkpoint = Path.Combine(run, "checkpoints", "step-000002");
        StepMetrics[] rest = Run(laterRanks,
            collective => Steps(collective, options with { Shard = laterShard }, dtype, folder, checkpoint, again, 2))[0];
        double tolerance = dtype == ScalarType.BFloat16 ? 2e-3 : 1e-5;
        foreach ((StepMetrics one, StepMetrics several) in whole.Zip([.. first, .. rest]))
        {
            Assert.Equal(one.Step, several.Step);
            Assert.Equal(one.Loss, several.Loss, tolerance);
        }
    }

    /// <summary>What is read is what was written, to the last bit, whoever reads it.</summary>
    [Theory]
    [InlineData(ScalarType.Float32, OptimizerKind.Adamw8bit), InlineData(ScalarType.BFloat16, OptimizerKind.Adamw)]
    public void Reading_and_writing_again_gives_the_same_bytes(ScalarType dtype, OptimizerKind optimizer)
    {
        using var temp = new TempFolder();
        string folder = temp["base"], run = temp["run"];
        using (CausalLM model = TinyModel.Create(initializerRange: 0.05))
        using (var pretrained = PretrainedModel.Create(model))
        {
            pretrained.Save(folder);
        }
        TrainOptions options = s_options with { Optimizer = optimizer };
        Run(1, collective => Steps(collective, options, dtype, folder, null, run, 2));
        string checkpoint = Path.Combine(run, "checkpoints", "step-000002");
        foreach ((int ranks, Shard shard) in
            ((int, Shard)[])[(2, Shard.Optimizer), (4, Shard.Parameters), (3, Shard.Gradients), (2, Shard.None)])
        {
            string again = temp[$"again-{ranks}-{shard}"];
            Run(ranks, collective => Steps(collective, options with { Shard = shard }, dtype, folder, checkpoint, again, 0));
            string copy = Path.Combine(again, "checkpoints", "step-000002");
            foreach (string name in (string[])["model.safetensors", "training.safetensors"])
            {
                Assert.Equal(File.ReadAllBytes(Path.Combine(checkpoint, name)), File.ReadAllBytes(Path.Combine(copy, name)));
            }
        }
    }

    private static StepMetrics[][] Run(int ranks, Func<ICollective, StepMetrics[]> body) => ThreadRanks.Run(ranks, body);

    /// <summary>Takes steps from a checkpoint on, and saves one.</summary>
    private static StepMetrics[] Steps(ICollective ranks, TrainOptions options, ScalarType dtype, string folder, string? checkpoint,
        string run, int count)
    {
        bool divides = ranks.Size > 1 && options.Shard == Shard.Parameters;
        using var pretrained = PretrainedModel.Load(new ModelSource(folder)
        {
            Residence = divides ? model => ShardedParameters.ForLoading(model, ranks) : null,
        });
        using MasterWeights masters = MasterWeights.Create(pretrained.Model, dtype, CPU, offload: false, ranks, options.Shard);
        using Optimizer optimizer = Optimizer.Create(pretrained.Model, options, masters);
        DataParallel? parallel = ranks.Size == 1 ? null : new DataParallel(ranks, optimizer, options.Shard);
        var start = new TrainProgress(0, 0);
        if (checkpoint is not null)
        {
            start = RunFolder.LoadCheckpoint(checkpoint, pretrained, optimizer);
            parallel?.GatherWeights();
        }
        StepMetrics[] steps = [.. TrainLoop.Run(pretrained.Model, optimizer, s_source, options, start, null, null, parallel, default)
            .Take(count)];
        int step = start.Step + steps.Length;
        new RunFolder(run, writes: ranks.Rank == 0).SaveCheckpoint(pretrained, optimizer,
            new TrainProgress(step, TrainLoop.ExamplesAfter(step, options)), keepLast: 1);
        return steps;
    }
}
