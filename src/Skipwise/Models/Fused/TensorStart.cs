using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Models.Fused;

/// <summary>A tensor's numbers as the CPU sees them.</summary>
internal static unsafe class TensorStart
{
    /// <summary>The tensor's first number, while it lives: its memory does not move.</summary>
    public static T* Of<T>(Tensor tensor)
        where T : unmanaged
    {
        if (tensor.numel() == 0)
        {
            return null;
        }
        using Tensor first = tensor.as_strided([1], [1], tensor.storage_offset());
        fixed (byte* start = first.bytes)
        {
            return (T*)start;
        }
    }
}
