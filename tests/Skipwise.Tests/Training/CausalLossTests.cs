using Skipwise.Data;
using Skipwise.Models;
using Skipwise.Rope;
using Skipwise.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Training;

public class CausalLossTests
{
    [Theory]
    [InlineData(true, 1), InlineData(true, 7), InlineData(false, 3), InlineData(false, 1 << 20)]
    public void Chunks_give_the_loss_and_gradients_of_the_plain_computation(bool tied, int tokensPerChunk)
    {
        using var scope = NewDisposeScope();
        TrainingExample[] examples = new ExampleCursor(new RandomExamples(10, 5, 12)).Take(4);
        long labels = HostBatch.Padded(examples).LabelCount;

        using CausalLM plain = TinyModel.Create(tied: tied, initializerRange: 0.05);
        using Batch batch = Batch.Padded(examples, CPU);
        Tensor logits = plain.Logits(batch.InputIds, batch.PositionIds);
        long next = batch.InputIds.size(1) - 1;
        Tensor targets =
            stack([.. examples.Select(e =>
                tensor([.. e.Labels.Skip(1).Concat(Enumerable.Repeat(TrainingExample.IgnoreIndex, (int)next)).Take((int)next)
                    .Select(label => (long)label)]))]);
        Tensor mean =
            nn.functional.cross_entropy(logits.narrow(1, 0, next).flatten(0, 1), targets.flatten(),
                ignore_index: TrainingExample.IgnoreIndex);
        mean.backward();

        using CausalLM chunked = TinyModel.Create(tied: tied, initializerRange: 0.05);
        double sum = CausalLoss.Backward(chunked, batch, labels, logitsPerChunk: (long)tokensPerChunk * TinyModel.Vocabulary).ToDouble();

        Assert.Equal(mean.ToDouble(), sum / labels, 1e-6);
        foreach ((var expected, var actual) in plain.parameters().Zip(chunked.parameters()))
        {
            Assert.True(actual.grad!.allclose(expected.grad!, rtol: 1e-5, atol: 1e-7));
        }
    }

    [Fact]
    public void A_batch_without_labels_has_no_loss_and_no_gradient()
    {
        using var scope = NewDisposeScope();
        using CausalLM model = TinyModel.Create(tied: true, initializerRange: 0.05);
        int[] ids = [1, 2, 3];
        using Batch batch = Batch.Padded([new(ids, [0, 1, 2], [5, TrainingExample.IgnoreIndex, TrainingExample.IgnoreIndex])], CPU);
        Assert.Equal(0, CausalLoss.Backward(model, batch, 1).ToDouble());
        Assert.All(model.parameters(), p => Assert.True(p.grad is null));
    }

    /// <summary>
    /// As transformers counts: 12 tokens whose positions run to 200 are rotated as a text of 201, by the step and by everything that is
    /// held against it.
    /// </summary>
    [Theory]
    [InlineData(RopeType.DynamicNtk), InlineData(RopeType.LongRope)]
    public void The_length_of_a_sequence_is_its_largest_position_and_one(RopeType type)
    {
        using var scope = NewDisposeScope();
        using CausalLM model = TinyModel.Create(rope: TinyModel.Rope(type, original: 32), initializerRange: 0.5);
        int[] ids = TinyModel.Tokens(1, 12), positions = [.. Enumerable.Range(0, 6), .. Enumerable.Range(195, 6)];
        TrainingExample skipping = new(ids, positions, ids), shorter = new(ids[..5], positions[..5], ids[..5]);
        using Batch batch = Batch.Padded([skipping, shorter], CPU), packed = Batch.Packed([shorter, skipping], CPU);
        Assert.Equal((201, 201), (batch.SequenceLength, packed.SequenceLength));

        using Rotary step = CausalLoss.RotaryFor(model, batch);
        Assert.Equal(RopeFrequency.Compute(model.Config.Rope, model.Config.RotaryDim, 201).InvFreq, step.Frequencies.InvFreq);
        Assert.NotEqual(RopeFrequency.Compute(model.Config.Rope, model.Config.RotaryDim, 12).InvFreq, step.Frequencies.InvFreq);
        Tensor expected = model.Logits(model.HiddenStates(batch.InputIds, step));
        Assert.True(model.Logits(batch.InputIds, batch.PositionIds).allclose(expected, rtol: 0, atol: 1e-6));
        double loss = nn.functional.cross_entropy(expected.flatten(0, 1).index_select(0, batch.LabelIndices), batch.Labels,
            reduction: nn.Reduction.Sum).ToDouble();
        Assert.Equal(1, CausalLoss.Backward(model, batch, 1).ToDouble() / loss, 1e-5);
    }

    [Theory]
    [InlineData(TinyModel.Vocabulary, 3), InlineData(3, TinyModel.Vocabulary), InlineData(3, int.MaxValue)]
    public void Ids_and_labels_outside_the_vocabulary_are_refused(int id, int label)
    {
        using CausalLM model = TinyModel.Create();
        using Batch batch = Batch.Padded([new([2, id, 4], [0, 1, 2], [2, 4, label])], CPU);
        Assert.Contains("the model's vocabulary has 50 ids",
            Assert.Throws<SkipwiseException>(() => CausalLoss.Backward(model, batch, 1)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(-1, 1, 1, "id -1"), InlineData(1, -1, 1, "position -1"), InlineData(1, 1, -1, "label -1"),
        InlineData(1, int.MaxValue, 1, "position 2147483647"), InlineData(1, 1, -101, "label -101")]
    public void Numbers_that_cannot_be_what_they_stand_for_are_refused(int id, int position, int label, string found)
    {
        TrainingExample good = new([1, 2], [0, 1], [1, 2]), bad = new([1, id], [0, position], [1, label]);
        Assert.All([() => HostBatch.Padded([good, bad]), (Func<HostBatch>)(() => HostBatch.Packed([good, bad]))], lay =>
        {
            string message = Assert.Throws<SkipwiseException>(() => lay()).Message;
            Assert.Contains("Token 1 of example 1", message, StringComparison.Ordinal);
            Assert.Contains(found, message, StringComparison.Ordinal);
        });
        Assert.Contains("3 positions", Assert.Throws<SkipwiseException>(() => HostBatch.Padded([new([1, 2], [0, 1, 2], [1, 2])])).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_batch_of_more_numbers_than_an_array_holds_is_refused_before_it_is_made()
    {
        Assert.Contains("TrainOptions.BatchSize", Assert.Throws<SkipwiseException>(() => HostBatch.RequireFits(1 << 20, 1 << 20)).Message,
            StringComparison.Ordinal);
        TrainingExample example = new(new int[1 << 14], new int[1 << 14], new int[1 << 14]); // one and the same 65,536 times
        Assert.Contains("65536 x 16384", Assert.Throws<SkipwiseException>(() =>
            HostBatch.Padded([.. Enumerable.Repeat(example, 1 << 16)])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_first_label_of_a_row_is_predicted_by_nothing() =>
        Assert.Equal(2, HostBatch.Padded([new([1, 2, 3], [0, 1, 2], [1, 2, 3])]).LabelCount);
}
