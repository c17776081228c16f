namespace Skipwise.Checkpoints.Formats.Torch;

/// <summary>A view on a storage; offset and strides in elements.</summary>
internal sealed record PickleTensor(PickleStorage Storage, long Offset, IReadOnlyList<long> Sizes, IReadOnlyList<long> Strides);
