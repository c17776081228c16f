using Skipwise.Runtime;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Data;

/// <summary>A batch as plain numbers: any thread can lay it out, while the device computes the one before.</summary>
public sealed class BatchArrays
{
    // B rows, T tokens, M labels
    private readonly int _rows, _tokens;
    private readonly int[] _documents;
    private readonly long[] _values; // ids [B, T], positions [B, T], label rows [M], labels [M]: end to end, so that one copy brings them all

    /// <param name="examples">each as long as the row it lies in has room</param>
    /// <param name="start">where an example begins in the flat [B, T]</param>
    private BatchArrays(IReadOnlyList<TrainingExample> examples, int rows, int tokens, Func<int, int> start, int padId, int[] documents)
    {
        (_rows, _tokens, _documents, Labels) = (rows, tokens, documents, CountLabels(examples));
        int size = rows * tokens, label = 2 * size;
        _values = new long[2 * (size + Labels)];
        Array.Fill(_values, padId, 0, size);
        for (int i = 0; i < examples.Count; i++)
        {
            (int[] ids, int[] positions, int[] labels) = examples[i];
            int first = start(i);
            for (int t = 0; t < ids.Length; t++)
            {
                (_values[first + t], _values[size + first + t]) = (ids[t], positions[t]);
                if (t > 0 && labels[t] != TrainingExample.IgnoredLabel)
                {
                    (_values[label], _values[Labels + label]) = (first + t - 1, labels[t]); // predicted from the token before
                    label++;
                }
            }
        }
    }

    /// <summary>M, the labels that count</summary>
    public int Labels { get; }

    /// <summary>B x T, padding included</summary>
    public long Tokens => (long)_rows * _tokens;

    /// <summary>Padded as the original's collator does: <paramref name="padId"/>, position 0, ignored label.</summary>
    public static BatchArrays Of(IReadOnlyList<TrainingExample> examples, int padId = 0)
    {
        int longest = examples.Max(e => e.InputIds.Length);
        return new(examples, examples.Count, longest, row => row * longest, padId, []);
    }

    /// <summary>The examples end to end in one row [1, T], no padding; each keeps its positions, and nothing predicts its first token.</summary>
    public static BatchArrays Packed(IReadOnlyList<TrainingExample> examples)
    {
        int[] lengths = [.. examples.Select(e => e.InputIds.Length)];
        return new(examples, 1, lengths.Sum(), i => lengths.Take(i).Sum(), 0, lengths);
    }

    /// <summary>How many tokens of the examples count: every label but the first of a row, which nothing predicts.</summary>
    private static int CountLabels(IEnumerable<TrainingExample> examples) =>
        examples.Sum(e => e.Labels.Skip(1).Count(label => label != TrainingExample.IgnoredLabel));

    /// <summary>The same as tensors, in one copy that nobody waits for.</summary>
    public Batch On(Device device)
    {
        using var scope = NewDisposeScope();
        Tensor all = Upload.To(tensor(_values, dtype: ScalarType.Int64), device);
        Tensor Part(long start, params long[] shape) => all.narrow(0, start, shape.Aggregate((a, b) => a * b)).view(shape).MoveToOuterDisposeScope();
        return new Batch(Part(0, _rows, _tokens), Part(Tokens, _rows, _tokens), Part(2 * Tokens, Labels), Part((2 * Tokens) + Labels, Labels)) { Documents = _documents };
    }
}
