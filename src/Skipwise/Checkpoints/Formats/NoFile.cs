using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Checkpoints.Formats;

/// <summary>Enumerates what it is given to write and writes nothing: what another rank writes is gathered from this one.</summary>
internal sealed class NoFile : IWeightWriter
{
    /// <inheritdoc/>
    public void Write(IReadOnlyList<OutputTensor> tensors)
    {
        foreach (OutputTensor tensor in tensors)
        {
            using DisposeScope made = NewDisposeScope();
            foreach (Tensor _ in tensor.Parts) { } // the scope frees what is made: some are the model's own
        }
    }
}
