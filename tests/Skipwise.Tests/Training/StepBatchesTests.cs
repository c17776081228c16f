using Skipwise.Data;
using Skipwise.Training;
using TorchSharp;

namespace Skipwise.Tests.Training;

/// <summary>How a step's examples are divided into forwards.</summary>
public sealed class StepBatchesTests
{
    /// <summary>The batch size decides the memory of a forward, and which examples share it, however many forwards a step has.</summary>
    [Theory]
    [InlineData(false), InlineData(true)]
    public void A_step_has_as_many_forwards_as_it_accumulates_each_of_the_batch_size(bool packing)
    {
        var options = new TrainOptions { Steps = 2, BatchSize = 2, GradientAccumulationSteps = 3, Packing = packing };
        StepBatches[] steps = [.. StepBatches.Enumerate(new Numbered(), options, new TrainProgress(0, 0))];
        Assert.Equal([(1, 6 / 5.0), (2, 12 / 5.0)], steps.Select(step => (step.Step, step.Epoch)));
        Assert.Equal([[0L, 2, 4], [6, 8, 10]], steps.Select(step => step.MicroBatches.Select(micro => micro.Place)));
        Assert.Equal([[0, 1], [2, 3], [4, 100], [101, 102], [103, 104], [200, 201]], steps.SelectMany(Examples));
        StepBatches resumed = Assert.Single(StepBatches.Enumerate(new Numbered(), options, new TrainProgress(1, 6)));
        Assert.Equal(Examples(steps[1]), Examples(resumed));

        IEnumerable<long[]> Examples(StepBatches step) => step.MicroBatches.Select(micro =>
        {
            using Batch batch = micro.Batch.ToDevice(torch.CPU);
            Assert.Equal(packing ? [1, 6] : [2, 3], batch.InputIds.shape);
            return FirstTokens(batch);
        });
    }

    /// <summary>The micro-batches of a step are the same for every number of ranks; each rank takes every n-th.</summary>
    [Fact]
    public void Ranks_take_turns()
    {
        var options = new TrainOptions { Steps = 2, BatchSize = 1, GradientAccumulationSteps = 4 };
        IEnumerable<(long Place, long First)> Of(int rank, int ranks) =>
            StepBatches.Enumerate(new Numbered(), options, new TrainProgress(0, 0), rank, ranks)
                .SelectMany(step => step.MicroBatches).Select(micro =>
                {
                    using Batch batch = micro.Batch.ToDevice(torch.CPU);
                    return (micro.Place, FirstTokens(batch)[0]);
                });
        Assert.Equal([(1, 1), (3, 3), (5, 100), (7, 102)], Of(1, 2));
        Assert.Equal(Of(0, 1), Enumerable.Range(0, 4).SelectMany(rank => Of(rank, 4)).OrderBy(micro => micro.Place));
    }

    private static long[] FirstTokens(Batch batch) =>
        batch.InputIds.data<long>().ToArray().Where((_, token) => token % 3 == 0).ToArray();

    /// <summary>Five examples of three tokens; the first token is the epoch's hundred and the index.</summary>
    private sealed class Numbered : IExampleSource
    {
        public int Count => 5;

        public TrainingExample this[int epoch, int index] => new([(100 * epoch) + index, 7, 8], [0, 1, 2], [(100 * epoch) + index, 7, 8]);
    }
}
