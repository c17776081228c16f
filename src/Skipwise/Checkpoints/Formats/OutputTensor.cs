using static TorchSharp.torch;

namespace Skipwise.Checkpoints.Formats;

/// <summary>A tensor to be written, in parts whose rows follow one another in the file, so that concatenating them takes no
/// memory.</summary>
/// <param name="Shape">of the whole tensor</param>
/// <param name="Type">in the file; the parts' types may differ</param>
internal sealed record OutputTensor(string Name, IReadOnlyList<long> Shape, IReadOnlyList<Tensor> Parts, ScalarType Type)
{
    /// <summary>bytes in the file</summary>
    public long Bytes => Shape.Aggregate((long)StoredType.FromScalarType(Type).Size, (product, size) => product * size);
}
