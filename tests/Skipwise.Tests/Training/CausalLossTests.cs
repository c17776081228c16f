using Skipwise.Data;
using Skipwise.Models;
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
        long labels = BatchArrays.Of(examples).Labels;

        using CausalLM plain = TinyModel.Create(tied: tied, initializerRange: 0.05);
        using Batch batch = Batch.Of(examples, CPU);
        Tensor logits = plain.Logits(batch.InputIds, batch.PositionIds);
        long next = batch.InputIds.size(1) - 1;
        Tensor targets = stack([.. examples.Select(e => tensor([.. e.Labels.Skip(1).Concat(Enumerable.Repeat(TrainingExample.IgnoredLabel, (int)next)).Take((int)next).Select(label => (long)label)]))]);
        Tensor mean = nn.functional.cross_entropy(logits.narrow(1, 0, next).flatten(0, 1), targets.flatten(), ignore_index: TrainingExample.IgnoredLabel);
        mean.backward();

        using CausalLM chunked = TinyModel.Create(tied: tied, initializerRange: 0.05);
        double sum = CausalLoss.Backward(chunked, batch, labels, scoresPerChunk: (long)tokensPerChunk * TinyModel.Vocabulary).ToDouble();

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
        using Batch batch = Batch.Of([new(ids, [0, 1, 2], [5, TrainingExample.IgnoredLabel, TrainingExample.IgnoredLabel])], CPU);
        Assert.Equal(0, CausalLoss.Backward(model, batch, 1).ToDouble());
        Assert.All(model.parameters(), p => Assert.True(p.grad is null));
    }

    [Fact]
    public void The_first_label_of_a_row_is_predicted_by_nothing() =>
        Assert.Equal(2, BatchArrays.Of([new([1, 2, 3], [0, 1, 2], [1, 2, 3])]).Labels);
}
