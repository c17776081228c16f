using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Data;

/// <summary>A batch of examples, padded on the right or packed into one row: int64 tensors on the model's device.</summary>
/// <param name="InputIds">[B, T]; the padding may be any id, because attention is causal</param>
/// <param name="PositionIds">[B, T], 0 where padded</param>
/// <param name="LabelIndices">[M], flat indices in [B, T] of the tokens that predict a label</param>
/// <param name="Labels">[M], the ids to predict</param>
public sealed record Batch(Tensor InputIds, Tensor PositionIds, Tensor LabelIndices, Tensor Labels) : IDisposable
{
    /// <summary>lengths of the documents in the single row of a packed batch (sequence packing); empty if each row is one
    /// document</summary>
    public int[] DocumentLengths { get; init; } = [];

    /// <summary>the largest position id + 1: the length for scalings that depend on it, as in transformers</summary>
    public required int SequenceLength { get; init; }

    /// <summary>the largest token id, labels included</summary>
    public required int MaxTokenId { get; init; }

    /// <summary>B x T, padding included</summary>
    public long Tokens => InputIds.numel();

    /// <inheritdoc cref="HostBatch.Padded"/>
    public static Batch Padded(IReadOnlyList<TrainingExample> examples, Device device, int padId = 0) =>
        HostBatch.Padded(examples, padId).ToDevice(device);

    /// <inheritdoc cref="HostBatch.Packed"/>
    public static Batch Packed(IReadOnlyList<TrainingExample> examples, Device device) => HostBatch.Packed(examples).ToDevice(device);

    /// <inheritdoc/>
    public void Dispose()
    {
        InputIds.Dispose();
        PositionIds.Dispose();
        LabelIndices.Dispose();
        Labels.Dispose();
    }
}
