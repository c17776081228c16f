using Skipwise.Data;
using Skipwise.Estimation;
using Skipwise.Models;
using Skipwise.Positions;
using Skipwise.Rope;
using Skipwise.Runtime;
using Skipwise.TokenStores;
using Skipwise.Training;
using Skipwise.Training.Optimizers;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Training;

/// <summary>PoSE pays for the windows that it trains on, not for the length that it trains for.</summary>
[Collection(nameof(AloneInTheProcess))]
public class TargetLengthTests
{
    [Fact]
    public void Nothing_in_a_step_grows_with_the_target_length()
    {
        (long[] Batches, long[] Live, long Activations) near = Step(4096), far = Step(131072);
        Assert.Equal(near.Batches, far.Batches);
        Assert.Equal(near.Live, far.Live);
        // the least of a few: other threads of the process allocate and free meanwhile
        long Least(int target) => Enumerable.Range(0, 3).Min(_ => Step(target).Activations);
        Assert.InRange((double)Math.Min(far.Activations, Least(131072)) / Math.Min(near.Activations, Least(4096)), 0.99, 1.01);
    }

    private static (long[] Batches, long[] Live, long Activations) Step(int target)
    {
        const int window = 256;
        var rope = new RopeOptions { Type = RopeType.Yarn, Factor = target / (double)window, OriginalMaxPositionEmbeddings = window };
        using CausalLM model = TinyModel.Create(initializerRange: 0.05, rope: rope);
        var documents = new TokenList([.. Enumerable.Range(0, 8).Select(i => TinyModel.Tokens((ulong)i, 2 * window))]);
        var source = new PoseDataset(documents, new PoseOptions { TrainLength = window, TargetLength = target }, 1, null, window);
        var options = new TrainOptions { Steps = 4, BatchSize = 2 };
        using var optimizer = new FusedAdamW(model, options.AdamW);
        StepMetrics[] steps = [.. TrainLoop.Run(model, optimizer, source, options)];
        using var scope = NewDisposeScope();
        TrainingExample[] examples = new ExampleCursor(source).Take(2);
        Assert.True(target < 10000 || examples.Max(e => e.PositionIds[^1]) > 10000); // it does skip
        using Batch batch = Batch.Padded(examples, CPU);
        using Rotary rotary = model.RotaryFor(batch.PositionIds, batch.SequenceLength);
        GC.Collect(); // what is freed meanwhile would be missing
        GC.WaitForPendingFinalizers();
        long before = ProcessMemory.InUse();
        using Tensor hidden = model.HiddenStates(batch.InputIds, rotary);
        return ([batch.Tokens, batch.Labels.numel()], [.. steps.Skip(1).Select(step => step.LiveTensors - steps[0].LiveTensors)],
            ProcessMemory.InUse() - before);
    }
}
