using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Data;

/// <summary>Examples side by side, padded on the right to the longest: int64 tensors on the device that computes.</summary>
/// <param name="InputIds">[B, T]; pad with any id: causal attention never looks to the right</param>
/// <param name="PositionIds">[B, T], 0 where padded</param>
/// <param name="LabelIndices">[M], flat indices into [B, T] of the tokens that predict a label</param>
/// <param name="Labels">[M], the ids that they predict</param>
public sealed record Batch(Tensor InputIds, Tensor PositionIds, Tensor LabelIndices, Tensor Labels) : IDisposable
{
    /// <summary>lengths of the documents that lie end to end in the one row of a packed batch; empty where a row is one document</summary>
    public int[] DocumentLengths { get; init; } = [];

    /// <summary>the largest position id + 1: what scalings that depend on the length take for it, as transformers does</summary>
    public required int SequenceLength { get; init; }

    /// <summary>the largest of all token ids, labels included</summary>
    public required int MaxTokenId { get; init; }

    /// <summary>B x T, padding included</summary>
    public long Tokens => InputIds.numel();

    /// <inheritdoc cref="HostBatch.Padded"/>
    public static Batch Padded(IReadOnlyList<TrainingExample> examples, Device device, int padId = 0) => HostBatch.Padded(examples, padId).ToDevice(device);

    /// <inheritdoc cref="HostBatch.Packed"/>
    public static Batch Packed(IReadOnlyList<TrainingExample> examples, Device device) => HostBatch.Packed(examples).ToDevice(device);

    public void Dispose()
    {
        InputIds.Dispose();
        PositionIds.Dispose();
        LabelIndices.Dispose();
        Labels.Dispose();
    }
}
