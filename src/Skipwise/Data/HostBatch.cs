using Skipwise.Runtime;
using Skipwise.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Data;

/// <summary>A batch in host memory. Any thread can build it while the device computes the previous one.</summary>
internal sealed class HostBatch
{
    // B rows, T tokens, M labels
    private readonly int _rows, _tokens;
    private readonly int[] _documents;
    private readonly long[] _values; // ids [B, T], positions [B, T], label rows [M], labels [M]: contiguous, so that one copy transfers all
    private readonly int _largestPosition, _largestId;

    /// <param name="examples">each fits in its row</param>
    /// <param name="starts">offset of each example in the flat [B, T]</param>
    private HostBatch(IReadOnlyList<TrainingExample> examples, int rows, int tokens, long[] starts, int padId, int[] documents)
    {
        (_rows, _tokens, _documents, _largestId) = (rows, tokens, documents, padId);
        long labels = examples.Select(CountLabels).Sum(), size = Tokens;
        RequireFits(rows, tokens, labels);
        (LabelCount, int label) = ((int)labels, (int)(2 * size));
        _values = new long[2 * (size + LabelCount)];
        Array.Fill(_values, padId, 0, (int)size);
        for (int i = 0; i < examples.Count; i++)
        {
            (int[] ids, int[] positions, int[] labelled) = examples[i];
            long first = starts[i];
            for (int t = 0; t < ids.Length; t++)
            {
                (_values[first + t], _values[size + first + t]) = (ids[t], positions[t]);
                (_largestId, _largestPosition) = (Math.Max(_largestId, ids[t]), Math.Max(_largestPosition, positions[t]));
                if (t > 0 && labelled[t] != TrainingExample.IgnoreIndex)
                {
                    (_values[label], _values[LabelCount + label]) = (first + t - 1, labelled[t]); // predicted by the token before it
                    _largestId = Math.Max(_largestId, labelled[t]);
                    label++;
                }
            }
        }
    }

    /// <summary>M, number of labels in the loss</summary>
    public int LabelCount { get; }

    /// <summary>B x T, padding included</summary>
    public long Tokens => (long)_rows * _tokens;

    /// <summary>Pads the examples as the collator of the PoSE reference code does: <paramref name="padId"/>, position 0, ignored
    /// label.</summary>
    /// <exception cref="SkipwiseException">invalid ids, labels or positions, or more tokens than a batch can hold</exception>
    public static HostBatch Padded(IReadOnlyList<TrainingExample> examples, int padId = 0)
    {
        int longest = examples.Max(e => e.InputIds.Length);
        return new(examples, examples.Count, longest, [.. examples.Select((_, row) => (long)row * longest)], padId, []);
    }

    /// <summary>Packs the examples into one row [1, T] without padding (sequence packing). Each keeps its positions, and its first token
    /// is not predicted.</summary>
    /// <inheritdoc cref="Padded" path="/exception"/>
    public static HostBatch Packed(IReadOnlyList<TrainingExample> examples)
    {
        int[] lengths = [.. examples.Select(e => e.InputIds.Length)];
        var starts = new long[lengths.Length];
        for (int i = 1; i < starts.Length; i++)
        {
            starts[i] = starts[i - 1] + lengths[i - 1];
        }
        long tokens = lengths.Sum(length => (long)length);
        RequireFits(1, tokens);
        return new(examples, 1, (int)tokens, starts, 0, lengths);
    }

    /// <summary>the most tokens of a batch without padding whose tokens are all predicted</summary>
    public const long MostTokens = 0x7FFFFFC7 / 4; // Array.MaxLength is not a constant

    /// <summary>Refuses a batch that exceeds the largest array.</summary>
    /// <param name="rows">number of examples</param>
    /// <param name="tokens">length of the longest example</param>
    /// <param name="labels">number of labels of all examples</param>
    /// <exception cref="SkipwiseException">the batch is too large</exception>
    public static void RequireFits(long rows, long tokens, long? labels = null)
    {
        if (2 * ((Int128)rows * tokens + (labels ?? (Int128)rows * tokens)) > Array.MaxLength)
        {
            throw new SkipwiseException(
                $"A forward of {rows} x {tokens} tokens is more than a batch can hold ({MostTokens} tokens). " +
                $"Lower {OptionName.Of(nameof(TrainOptions.BatchSize))}, and raise " +
                $"{OptionName.Of(nameof(TrainOptions.GradientAccumulationSteps))} for as many examples a step.");
        }
    }

    /// <summary>The number of labels of an example in the loss; the first token is not predicted.</summary>
    /// <exception cref="SkipwiseException">
    /// arrays of different lengths, or an invalid id or position, which would be used as an index in memory
    /// </exception>
    private static long CountLabels(TrainingExample example, int index)
    {
        (int[] ids, int[] positions, int[] labels) = example;
        if (positions.Length != ids.Length || labels.Length != ids.Length)
        {
            throw new SkipwiseException(
                $"Example {index} of a batch has {ids.Length} ids, {positions.Length} positions and {labels.Length} labels: " +
                "give as many of each.");
        }
        int count = 0;
        for (int t = 0; t < ids.Length; t++)
        {
            if (ids[t] < 0 || positions[t] is < 0 or int.MaxValue || labels[t] is < 0 and not TrainingExample.IgnoreIndex)
            {
                throw new SkipwiseException(
                    $"Token {t} of example {index} of a batch has id {ids[t]}, position {positions[t]} and label {labels[t]}: " +
                    $"ids and positions are 0 or more, and a label is an id, or {TrainingExample.IgnoreIndex} where none counts.");
            }
            count += t > 0 && labels[t] != TrainingExample.IgnoreIndex ? 1 : 0;
        }
        return count;
    }

    /// <summary>The batch as tensors, transferred in one asynchronous copy.</summary>
    public Batch ToDevice(Device device)
    {
        using var scope = NewDisposeScope();
        Tensor all = HostToDevice.Copy(tensor(_values, dtype: ScalarType.Int64), device);
        Tensor Part(long start, params long[] shape) =>
            all.narrow(0, start, shape.Aggregate((a, b) => a * b)).view(shape).MoveToOuterDisposeScope();
        return new Batch(
            Part(0, _rows, _tokens), Part(Tokens, _rows, _tokens), Part(2 * Tokens, LabelCount),
            Part((2 * Tokens) + LabelCount, LabelCount))
        {
            DocumentLengths = _documents,
            SequenceLength = _largestPosition + 1,
            MaxTokenId = _largestId,
        };
    }
}
