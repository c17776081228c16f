namespace Skipwise.Checkpoints.Formats;

/// <summary>
/// Writes the tensors of a checkpoint into the files of one format. The format's own settings (folder, shard size, metadata, quantized
/// type) belong to the implementation. Who has weights (a model, an adapter) knows only this interface.
/// </summary>
internal interface IWeightWriter
{
    /// <summary>
    /// Writes all tensors of a checkpoint. The work has two phases. First, names, shapes and types are read, which are known for every
    /// tensor without its values, because headers with offsets (safetensors, GGUF) come before the first value. Then
    /// <see cref="OutputTensor.Parts"/> is enumerated once per tensor, in the order of the list. The enumeration makes the parts, so
    /// values that are gathered or converted exist for one tensor at a time. The implementation disposes what was made before it turns to
    /// the next tensor.
    /// </summary>
    /// <param name="tensors">in the order in which they are stored; names are unique</param>
    /// <exception cref="SkipwiseException">a file cannot be written, the format lacks a type, or values exceed the range of their type; no
    /// incomplete file has the name of a complete one</exception>
    void Write(IReadOnlyList<OutputTensor> tensors);
}
