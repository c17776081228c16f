using Skipwise.Kernels;
using static TorchSharp.torch;

namespace Skipwise.Inference;

/// <summary>Memory of libtorch's for numbers that are not tensors, until it is disposed.</summary>
internal sealed unsafe class AlignedBuffers : IDisposable
{
    private const int Line = 64; // bytes of a cache line

    private readonly TensorPointers _pointers = new();

    /// <summary>Uninitialized float32 numbers from the start of a cache line on.</summary>
    public float* Floats(long count)
    {
        using Tensor memory = empty(count + (Line / sizeof(float)), ScalarType.Float32, CPU).DetachFromDisposeScope();
        return (float*)(((nuint)_pointers.To<float>(memory) + Line - 1) / Line * Line);
    }

    public void Dispose() => _pointers.Dispose();
}
