using Skipwise.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Inference;

/// <summary>Decodes all texts together by a <see cref="CpuDecoder"/>.</summary>
/// <param name="decoder">of the model; disposed with this</param>
/// <param name="vocabulary">V</param>
internal sealed unsafe class CpuDecodeStep(CpuDecoder decoder, int vocabulary) : IDecodeStep
{
    private readonly TensorPointers _pointers = new();
    private Tensor? _logits; // [B, V] of the largest B so far
    private float* _address;

    /// <inheritdoc/>
    public bool RecordsAttention => true;

    /// <inheritdoc/>
    public Tensor Run(ReadOnlySpan<DecodeRow> rows)
    {
        if (_logits is null || _logits.size(0) < rows.Length)
        {
            _pointers.Dispose();
            _logits?.Dispose();
            _logits = empty([rows.Length, vocabulary], ScalarType.Float32, CPU).DetachFromDisposeScope();
            _address = _pointers.To<float>(_logits);
        }
        decoder.Step(rows, new Span<float>(_address, rows.Length * vocabulary));
        return _logits.narrow(0, 0, rows.Length);
    }

    public void Dispose()
    {
        _pointers.Dispose();
        _logits?.Dispose();
        decoder.Dispose();
    }
}
