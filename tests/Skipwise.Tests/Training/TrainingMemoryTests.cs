using Skipwise.Data;
using Skipwise.Estimation;
using Skipwise.Models;
using Skipwise.Models.Lora;
using Skipwise.Runtime;
using Skipwise.Tests.Estimation;
using Skipwise.Training;
using Skipwise.Training.Optimizers;
using static TorchSharp.torch;

namespace Skipwise.Tests.Training;

[Collection(nameof(AloneInTheProcess))]
public sealed class TrainingMemoryTests
{
    private const int Windows = 8, Tokens = 512, Hidden = 32;

    [Theory]
    [InlineData(0, false), InlineData(1, false), InlineData(2, true)]
    public void Two_hundred_steps_leave_nothing_behind(int recomputeEvery, bool isAdapted)
    {
        using CausalLM model = TinyModel.Create(initializerRange: 0.05);
        if (isAdapted)
        {
            LoraInjector.Apply(model, new LoraOptions { Rank = 4, Dropout = 0.1, TrainNorms = true, QuantizationBits = 4 }, seed: 1);
        }
        using var optimizer = new FusedAdamW(model, new());
        var options = new TrainOptions { Steps = 200, BatchSize = 4, RecomputeEvery = recomputeEvery };
        (long Tensors, long Heap) settled = default, last = default;
        foreach (StepMetrics step in TrainLoop.Run(model, optimizer, new RandomExamples(50, 128, 128), options))
        {
            if (step.Step is 20 or 200)
            {
                (settled, last) = (last, (step.LiveTensors, InUse()));
            }
        }
        Assert.Equal(settled.Tensors, last.Tensors);
        // One hidden state a step would be 11 MB. Numbers that are freed late (ScalarFreePatch) are 2.
        Assert.InRange(last.Heap - settled.Heap, long.MinValue, 8_000_000);
    }

    /// <summary>In the backward pass a layer's gradients are freed before the next layer's exist.</summary>
    [Theory]
    [InlineData(0), InlineData(1)]
    public void The_way_back_needs_the_same_for_every_layer(int recomputeEvery)
    {
        const int few = 2, many = 50; // holes in the heap are three hidden states' worth: few beside those of 48 layers
        Peak(few, recomputeEvery); // kernels and code settle
        long perLayer = (Peak(many, recomputeEvery) - Peak(few, recomputeEvery)) / (many - few);
        // Checkpointed: its input. Else: both norms' inputs and outputs, query, key, value, mix, gate and up with their product (1.5 each),
        // little more.
        double states = (double)perLayer / (Windows * Tokens * Hidden * sizeof(float));
        TestContext.Current.TestOutputHelper!.WriteLine($"{states:0.000} states of {perLayer / states / 1e6:0.0} MB");
        Assert.InRange(states, 0.9, recomputeEvery == 1 ? 2 : 15);
    }

    private static long Peak(int layers, int recomputeEvery)
    {
        using var model = new CausalLM(new DecoderConfig
        {
            VocabSize = TinyModel.Vocabulary,
            HiddenSize = Hidden,
            IntermediateSize = 48,
            NumHiddenLayers = layers,
            NumAttentionHeads = 4,
            NumKeyValueHeads = 4,
            HeadDim = 8,
            MaxPositionEmbeddings = Tokens,
        });
        WeightInit.Initialize(model, seed: 1);
        using Batch batch = Batch.Padded(new ExampleCursor(new RandomExamples(Windows, Tokens, Tokens)).Take(Windows), CPU);
        // What the runtime takes meanwhile adds to a peak, and what it had not yet given back before takes away from one: the middle of
        // three is rid of either.
        return Enumerable.Range(0, 3)
            .Select(_ => ProcessMemory.PeakDuring(() => CausalLoss.Backward(model, batch, Windows * Tokens, recomputeEvery).Dispose()))
            .Order().ElementAt(1);
    }

    private static long InUse()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return ProcessMemory.InUse();
    }
}
