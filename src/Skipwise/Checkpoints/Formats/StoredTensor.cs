namespace Skipwise.Checkpoints.Formats;

/// <summary>One tensor and the open file that holds it.</summary>
internal sealed record StoredTensor(TensorFile File, TensorEntry Entry);
