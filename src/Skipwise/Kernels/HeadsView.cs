using static TorchSharp.torch;

namespace Skipwise.Kernels;

/// <summary>View of a tensor [N, tokens, heads, D]; valid as long as the pointers that it was created from.</summary>
internal readonly unsafe struct HeadsView
{
    private readonly float* _start;
    private readonly nint _sequence, _token, _head;

    public HeadsView(TensorPointers pointers, Tensor tensor)
    {
        Tensor plain = tensor.size(-1) == 1 || tensor.stride(-1) == 1 ? tensor : tensor.contiguous();
        _start = pointers.To<float>(plain, anyStrides: true);
        (_sequence, _token, _head) = ((nint)plain.stride(0), (nint)plain.stride(1), (nint)plain.stride(2));
    }

    public HeadView Head(int sequence, int head) => new(_start + (sequence * _sequence) + (head * _head), _token);
}
