using Skipwise.Checkpoints.Formats;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Distributed;
using Skipwise.Models;
using Skipwise.Runs;
using Skipwise.Storage;
using Skipwise.Tests.Training;
using Skipwise.Training;
using Skipwise.Training.Optimizers;
using Skipwise.Training.Parallel;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Distributed;

/// <summary>A checkpoint has the same values for every number of ranks and every stage, so that a run goes on with another.</summary>
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
    public void Reading_and_writing_again_gives_the_same_values(ScalarType dtype, OptimizerKind optimizer)
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
        Dictionary<string, string> expected = Values(checkpoint);
        foreach ((int ranks, Shard shard) in
            ((int, Shard)[])[(2, Shard.Optimizer), (4, Shard.Parameters), (3, Shard.Gradients), (2, Shard.None)])
        {
            string again = temp[$"again-{ranks}-{shard}"];
            Run(ranks, collective => Steps(collective, options with { Shard = shard }, dtype, folder, checkpoint, again, 0));
            string copy = Path.Combine(again, "checkpoints", "step-000002");
            Assert.Equal(expected, Values(copy));
            Assert.Equal(shard == Shard.None ? ["training.safetensors"]
                : Enumerable.Range(1, ranks).Select(rank => $"training-{rank:00000}-of-{ranks:00000}.safetensors"),
                Directory.EnumerateFiles(copy, "training*").Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal));
            Assert.Null(FolderManifest.Find(copy)!.Damage(copy));
            checkpoint = copy; // the next ranks read what these have written
        }
    }

    /// <summary>The optimizer state is not exchanged, weights are by the tensor, and each rank writes about its part.</summary>
    [Theory]
    [InlineData(Shard.Optimizer, ScalarType.Float32), InlineData(Shard.Gradients, ScalarType.BFloat16)]
    [InlineData(Shard.Parameters, ScalarType.Float32)]
    public void No_rank_holds_more_than_its_part_to_save_it(Shard shard, ScalarType dtype)
    {
        const int ranks = 3;
        using var temp = new TempFolder();
        string run = temp["run"];
        long largest = 0, whole = 0;
        long[][] gathered = Run(ranks, collective =>
        {
            using CausalLM model = TinyModel.Create(initializerRange: 0.05);
            long[] sizes = [.. model.parameters().Select(parameter => parameter.numel() * sizeof(float))];
            using var pretrained = PretrainedModel.Create(model);
            using MasterWeights masters = MasterWeights.Create(model, dtype, CPU, offload: false, collective, shard);
            using Optimizer optimizer = Optimizer.Create(model, s_options, masters);
            (largest, whole) = (sizes.Max(), sizes.Sum());
            collective.Gathered.Clear();
            new RunFolder(run, writes: collective.Rank == 0).SaveCheckpoint(pretrained, optimizer, new TrainProgress(1, 8), keepLast: 1);
            return collective.Gathered.ToArray();
        });
        long slack = ranks * 256 * sizeof(float); // parts end with whole blocks
        Assert.All(gathered.SelectMany(own => own), bytes => Assert.InRange(bytes, 0, largest + slack));
        long passes = dtype == ScalarType.Float32 && shard != Shard.Parameters ? 0 : 2; // weights: their range, and what is written
        Assert.All(gathered, own => Assert.InRange(own.Sum(), passes * whole, (passes * (whole + (20 * slack)))));
        string checkpoint = Path.Combine(run, "checkpoints", "step-000001");
        long[] states = [.. Directory.EnumerateFiles(checkpoint, "training-*").Select(file => new FileInfo(file).Length)];
        long[] weights = [.. Directory.EnumerateFiles(checkpoint, "model-*.safetensors").Select(file => new FileInfo(file).Length)];
        Assert.Equal(ranks, states.Length);
        Assert.All(states, bytes => Assert.InRange(bytes, 0, 2.0 * whole / 2)); // of two moments
        Assert.True(weights.Length >= ranks, $"{weights.Length} files");
        Assert.All(weights, bytes => Assert.InRange(bytes, 0, whole / 2));
    }

    /// <summary>All processes are killed at any moment of a save: the checkpoint before it, or the new one, is whole and found.</summary>
    [Theory]
    [InlineData(Shard.Optimizer), InlineData(Shard.Parameters)]
    public void Ranks_that_die_at_any_step_of_a_save_leave_a_whole_checkpoint(Shard shard)
    {
        using var temp = new TempFolder();
        int found = 0, step = 0;
        for (bool died = true; died; step++)
        {
            string run = temp[$"run-{step}"];
            Assert.False(Dies(run, shard, 1, int.MaxValue));
            died = Dies(run, shard, 2, step);
            var folder = new RunFolder(run);
            using (folder.Lock())
            {
                string newest = folder.NewestValidCheckpoint(null)!;
                found += newest[^1] == '2' ? 1 : 0;
                Assert.Equal(Path.GetFileName(newest) == "step-000001" ? 1 : 2, RunFolder.ReadProgress(newest).Step);
                using CausalLM model = TinyModel.Create();
                using var pretrained = PretrainedModel.Create(model);
                using Optimizer optimizer = new FusedAdamW(model, s_options.AdamW);
                RunFolder.LoadCheckpoint(newest, pretrained, optimizer);
                Assert.Empty(Directory.EnumerateFileSystemEntries(run, "*.incomplete", SearchOption.AllDirectories));
            }
        }
        Assert.InRange(step, 40, 400);
        Assert.InRange(found, 2, step - 20); // most die before the folder has its name
    }

    /// <returns>whether all ranks died, which they do before the n-th operation on files of all of them</returns>
    private static bool Dies(string run, Shard shard, int step, int operations)
    {
        int left = operations;
        try
        {
            Run(2, collective =>
            {
                FileSystem.Before.Value = (_, _) =>
                {
                    if (Interlocked.Decrement(ref left) < 0)
                    {
                        throw new Death();
                    }
                };
                using CausalLM model = TinyModel.Create();
                using var pretrained = PretrainedModel.Create(model);
                using MasterWeights masters = MasterWeights.Create(model, ScalarType.Float32, CPU, offload: false, collective, shard);
                using Optimizer optimizer = Optimizer.Create(model, s_options, masters);
                return new RunFolder(run, writes: collective.Rank == 0).SaveCheckpoint(
                    pretrained, optimizer, new TrainProgress(step, 8 * step), keepLast: 2);
            });
            return false;
        }
        catch (InvalidOperationException e) when (e.Message.Contains(nameof(Death), StringComparison.Ordinal))
        {
            return true;
        }
    }

    private sealed class Death : Exception;

    /// <summary>The bytes of all tensors of a checkpoint, wherever they are: by name, in hexadecimal digits.</summary>
    private static Dictionary<string, string> Values(string checkpoint)
    {
        var values = new Dictionary<string, string>();
        foreach (string path in Directory.EnumerateFiles(checkpoint, "*.safetensors").Order(StringComparer.Ordinal))
        {
            using SafetensorsFile file = SafetensorsFile.Open(path);
            foreach (TensorEntry entry in file.Tensors.Values)
            {
                byte[] bytes = new byte[entry.Length];
                file.ReadBytes(entry, bytes);
                values[entry.Name] = values.GetValueOrDefault(entry.Name, "") + Convert.ToHexString(bytes);
            }
        }
        return values;
    }

    private static T[] Run<T>(int ranks, Func<ThreadRanks, T> body) => ThreadRanks.Run(ranks, ranks => body((ThreadRanks)ranks));

    /// <summary>Takes steps from a checkpoint on, and saves one.</summary>
    private static StepMetrics[] Steps(ThreadRanks ranks, TrainOptions options, ScalarType dtype, string folder, string? checkpoint,
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
