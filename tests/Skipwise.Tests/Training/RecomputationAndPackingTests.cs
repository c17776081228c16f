using Skipwise.Data;
using Skipwise.Models;
using Skipwise.Models.Lora;
using Skipwise.Rope;
using Skipwise.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Training;

/// <summary>Layers that are computed twice, and documents that share a row, change no gradient.</summary>
public class RecomputationAndPackingTests
{
    [Theory]
    [InlineData(1), InlineData(2), InlineData(3)]
    public void Checkpointed_layers_change_no_bit(int every)
    {
        using CausalLM kept = TinyModel.Create(initializerRange: 0.05), again = TinyModel.Create(initializerRange: 0.05);
        Assert.Equal(Loss(kept), Loss(again, every));
        Same(kept, again, 0);
    }

    [Theory]
    [InlineData(null), InlineData(8), InlineData(4)]
    public void A_checkpointed_layer_draws_its_dropout_a_second_time(int? baseBits)
    {
        CausalLM Adapted()
        {
            CausalLM model = TinyModel.Create(initializerRange: 0.05);
            LoraInjector.Apply(model,
                new LoraOptions
                {
                    Rank = 3,
                    Dropout = 0.3,
                    TargetModules = [LoraOptions.AllLinear],
                    TrainNorms = true,
                    QuantizationBits = baseBits
                }, seed: 5);
            using IDisposable _ = no_grad();
            foreach (var update in LoraInjector.LoraWeights(model))
            {
                update.B.fill_(0.1); // at its beginning, 0, no mask would reach A's gradient
            }
            return model;
        }
        double Masked(CausalLM model, int recomputeEvery, long place)
        {
            using IDisposable dropout = model.Dropout.ForMicroBatch(place);
            return Loss(model, recomputeEvery);
        }
        using CausalLM kept = Adapted(), again = Adapted(), other = Adapted();
        double loss = Masked(kept, 0, place: 7);
        Assert.Equal(loss, Masked(again, 1, place: 7));
        Same(kept, again, 0);
        Assert.NotEqual(loss, Masked(other, 1, place: 8));
    }

    [Theory]
    [InlineData(0), InlineData(1)]
    public void Packed_documents_train_as_they_do_alone(int recomputeEvery) => TrainsAlike(Examples(), recomputeEvery, config => config);

    /// <summary>Both kinds of layers keep documents apart: those that see everything and those that slide.</summary>
    [Theory]
    [InlineData(0), InlineData(1), InlineData(2)]
    public void Packed_documents_train_as_they_do_alone_where_layers_slide(int firstSliding) =>
        TrainsAlike(Examples(), 0, config => config with { SlidingWindow = 4, FirstSlidingLayer = firstSliding });

    /// <summary>
    /// No document is longer than the original window, and together they are: each is rotated as it is alone, by the longest of them.
    /// </summary>
    [Theory]
    [InlineData(RopeType.DynamicNtk), InlineData(RopeType.LongRope)]
    public void Packed_documents_are_rotated_by_the_longest_of_them(RopeType type)
    {
        TrainingExample[] examples = [.. ((int[])[12, 7, 12, 9]).Select((length, i) => TinyModel.Tokens((ulong)i, length))
            .Select(ids => new TrainingExample(ids, [.. Enumerable.Range(0, ids.Length)], ids))];
        Assert.Equal(40, HostBatch.Packed(examples).Tokens);
        TrainsAlike(examples, 0, config => config with { Rope = TinyModel.Rope(type, original: 12) });
    }

    private static void TrainsAlike(TrainingExample[] examples, int recomputeEvery, Func<DecoderConfig, DecoderConfig> change)
    {
        long labels = HostBatch.Padded(examples).LabelCount;
        using CausalLM alone = TinyModel.Create(initializerRange: 0.05, change: change),
            packed = TinyModel.Create(initializerRange: 0.05, change: change);
        double expected = 0;
        foreach (TrainingExample example in examples)
        {
            using Batch one = Batch.Padded([example], CPU);
            expected += CausalLoss.Backward(alone, one, labels).ToDouble();
        }
        using Batch row = Batch.Packed(examples, CPU);
        Assert.Equal(1, row.InputIds.size(0));
        Assert.Equal(examples.Sum(example => example.InputIds.Length), row.Tokens);
        Assert.Equal(expected, CausalLoss.Backward(packed, row, labels, recomputeEvery).ToDouble(), 1e-4);
        Same(alone, packed, 1e-5);
    }

    private static TrainingExample[] Examples() => new ExampleCursor(new RandomExamples(10, 5, 24)).Take(4);

    private static double Loss(CausalLM model, int recomputeEvery = 0)
    {
        using var scope = NewDisposeScope();
        using Batch batch = Batch.Padded(Examples(), CPU);
        return CausalLoss.Backward(model, batch, 40, recomputeEvery).ToDouble();
    }

    /// <param name="tolerance">of the largest element of each parameter's gradient</param>
    private static void Same(CausalLM expected, CausalLM found, double tolerance)
    {
        using var scope = NewDisposeScope();
        foreach (((string name, var one), (_, var other)) in expected.named_parameters().Zip(found.named_parameters())
            .Where(pair => pair.First.parameter.requires_grad))
        {
            double off = (one.grad! - other.grad!).abs().max().ToDouble(), largest = one.grad!.abs().max().ToDouble();
            Assert.True(largest > 0 && off <= tolerance * largest, $"{name}: {off} of {largest}");
        }
    }
}
