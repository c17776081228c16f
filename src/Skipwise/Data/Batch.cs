using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Data;

/// <summary>Examples side by side, padded on the right to the longest: three int64 tensors [B, T].</summary>
/// <param name="InputIds">pad with any id: causal attention never looks to the right, and padded labels do not count</param>
/// <param name="PositionIds">0 where padded</param>
/// <param name="Labels"><see cref="TrainingExample.IgnoredLabel"/> where padded</param>
public sealed record Batch(Tensor InputIds, Tensor PositionIds, Tensor Labels) : IDisposable
{
    /// <summary>lengths of the documents that lie end to end in the one row of a packed batch; empty where a row is one document</summary>
    public int[] Documents { get; init; } = [];

    /// <summary>tokens of the longest sequence: a row, or a document of a packed row</summary>
    public int Longest => Documents.Length > 0 ? Documents.Max() : (int)InputIds.size(1);

    /// <summary>B x T, padding included</summary>
    public long Tokens => InputIds.numel();

    /// <summary>Padded as the original's collator does: <paramref name="padId"/>, position 0, ignored label.</summary>
    public static Batch Of(IReadOnlyList<TrainingExample> examples, Device device, int padId = 0)
    {
        int longest = examples.Max(e => e.InputIds.Length);
        Tensor Stack(Func<TrainingExample, int[]> part, int padding)
        {
            var rows = new long[examples.Count, longest];
            for (int row = 0; row < examples.Count; row++)
            {
                int[] values = part(examples[row]);
                for (int t = 0; t < longest; t++)
                {
                    rows[row, t] = t < values.Length ? values[t] : padding;
                }
            }
            return tensor(rows, dtype: ScalarType.Int64, device: device);
        }
        return new Batch(Stack(e => e.InputIds, padId), Stack(e => e.PositionIds, 0), Stack(e => e.Labels, TrainingExample.IgnoredLabel));
    }

    /// <summary>The examples end to end in one row [1, T], no padding; each keeps its positions, and nothing predicts its first token.</summary>
    public static Batch Packed(IReadOnlyList<TrainingExample> examples, Device device)
    {
        Tensor Row(Func<TrainingExample, IEnumerable<int>> part) =>
            tensor([.. examples.SelectMany(part).Select(value => (long)value)], dtype: ScalarType.Int64, device: device).unsqueeze_(0);
        return new Batch(Row(e => e.InputIds), Row(e => e.PositionIds), Row(e => e.Labels.Select((label, t) => t == 0 ? TrainingExample.IgnoredLabel : label)))
        {
            Documents = [.. examples.Select(e => e.InputIds.Length)],
        };
    }

    public void Dispose()
    {
        InputIds.Dispose();
        PositionIds.Dispose();
        Labels.Dispose();
    }
}
