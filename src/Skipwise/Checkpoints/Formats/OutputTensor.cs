using Skipwise.Checkpoints.HuggingFace;
using static TorchSharp.torch;

namespace Skipwise.Checkpoints.Formats;

/// <summary>A tensor to be written, in parts whose rows follow one another in the file, so that concatenating them takes no
/// memory.</summary>
/// <param name="Name">in the layout of the source, which is Hugging Face's; a format with other names translates it</param>
/// <param name="Shape">of the whole tensor</param>
/// <param name="Parts">blocks of rows, of any floating type. An enumeration may make them, and whoever enumerates disposes what is
/// made</param>
/// <param name="Type">in the file; the parts' types may differ. A format with types of its own may store another</param>
internal sealed record OutputTensor(string Name, IReadOnlyList<long> Shape, IEnumerable<Tensor> Parts, ScalarType Type)
{
    /// <summary>The rows of the model's parameters that the parts are, in their order. A format that stores the parts of a fused tensor
    /// under names of their own divides it by them. Empty for tensors that are no parameter of the model.</summary>
    public IReadOnlyList<RowBlock> Blocks { get; init; } = [];

    /// <summary>bytes in the file</summary>
    public long Bytes => Shape.Aggregate((long)StoredType.FromScalarType(Type).Size, (product, size) => product * size);
}
