using System.Globalization;
using Skipwise.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Data;

public class HostBatchTests
{
    private static readonly TrainingExample[] s_examples =
    [
        new([1, 2, 3], [0, 90, 91], [1, 2, 3]), new([4, 5], [0, 1], [4, 5]), new([6, 7, 8, 9], [7, 8, 9, 10], [6, 7, 8, 9]),
    ];

    /// <summary>The sequence length is transformers' max(position_ids) + 1 over the whole batch, whichever example has it.</summary>
    [Fact]
    public void Rows_are_padded_and_the_sequence_length_is_that_of_the_largest_position()
    {
        using Batch batch = Batch.Padded(s_examples, CPU, padId: 11);
        Assert.Equal([1, 2, 3, 11, 4, 5, 11, 11, 6, 7, 8, 9], Numbers(batch.InputIds));
        Assert.Equal([0, 90, 91, 0, 0, 1, 0, 0, 7, 8, 9, 10], Numbers(batch.PositionIds));
        Assert.Equal([0, 1, 4, 8, 9, 10], Numbers(batch.LabelIndices));
        Assert.Equal([2, 3, 5, 7, 8, 9], Numbers(batch.Labels));
        Assert.Equal((92, 11), (batch.SequenceLength, batch.MaxTokenId));
    }

    [Fact]
    public void Packed_documents_lie_end_to_end()
    {
        using Batch batch = Batch.Packed(s_examples, CPU);
        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8, 9], Numbers(batch.InputIds));
        Assert.Equal([0, 90, 91, 0, 1, 7, 8, 9, 10], Numbers(batch.PositionIds));
        Assert.Equal([0, 1, 3, 5, 6, 7], Numbers(batch.LabelIndices));
        Assert.Equal([2, 3, 5, 7, 8, 9], Numbers(batch.Labels));
        Assert.Equal([3, 2, 4], batch.DocumentLengths);
        Assert.Equal((92, 9), (batch.SequenceLength, batch.MaxTokenId));
    }

    /// <summary>Ids, labels and positions are used as indices of memory: what is none is named, with the place.</summary>
    [Theory]
    [InlineData("1 2", "0", "1 2", "Example 1 of a batch has 2 ids, 1 positions and 2 labels")]
    [InlineData("1 2", "0 1", "1", "Example 1 of a batch has 2 ids, 2 positions and 1 labels")]
    [InlineData("1 2", "0 1", "1 2 3", "Example 1 of a batch has 2 ids, 2 positions and 3 labels")]
    [InlineData("1", "0 1", "1 2", "Example 1 of a batch has 1 ids, 2 positions and 2 labels")]
    [InlineData("1 -1", "0 1", "1 2", "Token 1 of example 1 of a batch has id -1, position 1 and label 2")]
    [InlineData("1 2", "-1 1", "1 2", "Token 0 of example 1 of a batch has id 1, position -1 and label 1")]
    [InlineData("1 2", "0 2147483647", "1 2", "Token 1 of example 1 of a batch has id 2, position 2147483647 and label 2")]
    [InlineData("1 2", "0 1", "1 -1", "Token 1 of example 1 of a batch has id 2, position 1 and label -1")]
    public void What_is_no_example_is_named(string ids, string positions, string labels, string complaint)
    {
        static int[] Parse(string text) => [.. text.Split(' ').Select(number => int.Parse(number, CultureInfo.InvariantCulture))];
        TrainingExample[] examples = [s_examples[0], new(Parse(ids), Parse(positions), Parse(labels))];
        Assert.StartsWith(complaint, Assert.Throws<SkipwiseException>(() => HostBatch.Padded(examples)).Message);
        Assert.StartsWith(complaint, Assert.Throws<SkipwiseException>(() => HostBatch.Packed(examples)).Message);
    }

    private static long[] Numbers(Tensor tensor) => tensor.data<long>().ToArray();
}
