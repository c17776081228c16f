using Skipwise.Checkpoints.Formats;
using Skipwise.Checkpoints.HuggingFace;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Checkpoints.Formats;

/// <summary>A format in memory, with two names for everything: the source's, and the model's, by which joined tensors come apart.</summary>
internal sealed class RecordingWriter : IWeightWriter
{
    /// <summary>What is known before the first value.</summary>
    public List<OutputTensor> Declared { get; } = [];

    /// <summary>The bytes of each tensor, in the type it was declared with.</summary>
    public OrderedDictionary<string, byte[]> Whole { get; } = [];

    /// <summary>The float32 bytes of each parameter of the model.</summary>
    public Dictionary<string, byte[]> Canonical { get; } = [];

    public void Write(IReadOnlyList<OutputTensor> tensors)
    {
        Declared.AddRange(tensors);
        var rows = new SortedDictionary<(string Name, long First), byte[]>();
        foreach (OutputTensor tensor in tensors)
        {
            using var scope = NewDisposeScope();
            Tensor[] parts = [.. tensor.Parts];
            Tensor whole = cat(parts).to(tensor.Type);
            Assert.Equal(tensor.Shape, whole.shape);
            Whole.Add(tensor.Name, whole.bytes.ToArray());
            foreach ((RowBlock block, Tensor part) in tensor.Blocks.Zip(parts))
            {
                Assert.Equal(block.Rows, part.size(0));
                rows[(block.Canonical, block.FirstRow)] = part.to(float32).contiguous().bytes.ToArray();
            }
        }
        foreach (var parameter in rows.GroupBy(block => block.Key.Name))
        {
            Canonical.Add(parameter.Key, [.. parameter.SelectMany(block => block.Value)]);
        }
    }
}
