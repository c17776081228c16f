namespace Skipwise.Checkpoints.Formats.Torch;

/// <summary>The elements of one or several tensors: record <c>data/KEY</c> of the archive.</summary>
internal sealed record PickleStorage(StoredType Type, string Key, long Count);
