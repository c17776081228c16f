using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Kernels;

/// <summary>A tensor's numbers as the CPU sees them.</summary>
internal static unsafe class TensorPointer
{
    /// <summary>
    /// The tensor's first number; null if there is none. Its memory does not move, and lives at least as long as the dispose scope that
    /// is open now.
    /// </summary>
    /// <typeparam name="T">the type of its numbers; <see cref="ushort"/> for both types of 16 bits</typeparam>
    /// <param name="anyStrides">the caller walks by the tensor's own strides; else the numbers have to lie end to end</param>
    /// <exception cref="ArgumentException">
    /// a tensor of another type, on another device, or in another order: what was read there would be other numbers
    /// </exception>
    public static T* To<T>(Tensor tensor, bool anyStrides = false)
        where T : unmanaged
    {
        if (!HasElementType<T>(tensor.dtype) || tensor.device_type != DeviceType.CPU || !(anyStrides || tensor.is_contiguous()))
        {
            string order = tensor.is_contiguous() ? "" : $", strides [{string.Join(", ", tensor.stride())}]";
            throw new ArgumentException(
                $"expected {typeof(T).Name} numbers on the CPU{(anyStrides ? "" : ", end to end")}, " +
                $"found {tensor.dtype} on {tensor.device}{order}", nameof(tensor));
        }
        if (tensor.numel() == 0)
        {
            return null;
        }
        using Tensor plain = tensor.detach();
        Tensor first = plain.as_strided([1], [1], tensor.storage_offset()); // stays with the scope, and keeps the memory
        fixed (byte* start = first.bytes)
        {
            return (T*)start;
        }
    }

    private static bool HasElementType<T>(ScalarType dtype) => dtype switch
    {
        ScalarType.Float32 => typeof(T) == typeof(float),
        ScalarType.Float64 => typeof(T) == typeof(double),
        ScalarType.Int64 => typeof(T) == typeof(long),
        ScalarType.Int32 => typeof(T) == typeof(int),
        ScalarType.Byte => typeof(T) == typeof(byte),
        ScalarType.BFloat16 or ScalarType.Float16 => typeof(T) == typeof(ushort),
        _ => false,
    };
}
