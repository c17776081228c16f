using Skipwise.Runtime;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Kernels;

/// <summary>
/// Pointers into the memory of CPU tensors, and addresses of others for native code. Type, device and strides are checked when a pointer
/// is taken, and the memory stays valid until this is disposed, even if the tensor is disposed earlier.
/// </summary>
internal sealed unsafe class TensorPointers : IDisposable
{
    private static readonly Lazy<nint> s_address = new(() =>
        LoadedLibtorch.TryFind("aoti_torch_get_data_ptr", out nint function) ? function : throw new SkipwiseException(
            $"libtorch {LoadedLibtorch.Version()} has no aoti_torch_get_data_ptr. Use libtorch {TorchRuntime.RequiredLibtorch}."));

    private readonly List<Tensor> _kept = [];

    /// <summary>Pointer to the tensor's first element; null if it is empty.</summary>
    /// <typeparam name="T">element type; <see cref="ushort"/> for both 16-bit types</typeparam>
    /// <param name="anyStrides">the caller uses the tensor's own strides; else it has to be contiguous</param>
    /// <exception cref="ArgumentException">a tensor of another type, on another device, or not contiguous</exception>
    public T* To<T>(Tensor tensor, bool anyStrides = false)
        where T : unmanaged => (T*)Take(tensor, HasElementType<T>(tensor.dtype), anyStrides, typeof(T).Name);

    /// <summary>Pointer to the first byte of a contiguous tensor; null if it is empty.</summary>
    /// <param name="dtype">of its elements; null: any</param>
    /// <exception cref="ArgumentException">a tensor of another type, on another device, or not contiguous</exception>
    public byte* ToBytes(Tensor tensor, ScalarType? dtype = null) =>
        Take(tensor, isOfType: dtype is null || tensor.dtype == dtype, anyStrides: false, dtype?.ToString() ?? "any");

    /// <summary>All bytes of a contiguous tensor of any type.</summary>
    /// <exception cref="OverflowException">more bytes than a span holds</exception>
    /// <inheritdoc cref="ToBytes"/>
    public Span<byte> Bytes(Tensor tensor) => new(ToBytes(tensor), checked((int)(tensor.numel() * tensor.element_size())));

    /// <summary>Address of the first byte of a contiguous tensor of any type on any device. C# cannot read there.</summary>
    /// <exception cref="ArgumentException">a tensor that is not contiguous</exception>
    public nint Address(Tensor tensor)
    {
        if (!tensor.is_contiguous())
        {
            throw new ArgumentException($"expected numbers end to end, found strides [{string.Join(", ", tensor.stride())}]",
                nameof(tensor));
        }
        Tensor same = tensor.detach().DetachFromDisposeScope();
        _kept.Add(same);
        void* address;
        return ((delegate* unmanaged<nint, void**, int>)s_address.Value)(same.Handle, &address) == 0
            ? (nint)address
            : throw new InvalidOperationException($"libtorch has no address of a tensor on {tensor.device}.");
    }

    public void Dispose()
    {
        foreach (Tensor tensor in _kept)
        {
            tensor.Dispose();
        }
        _kept.Clear();
    }

    private byte* Take(Tensor tensor, bool isOfType, bool anyStrides, string expected)
    {
        if (!isOfType || tensor.device_type != DeviceType.CPU || !(anyStrides || tensor.is_contiguous()))
        {
            string order = tensor.is_contiguous() ? "" : $", strides [{string.Join(", ", tensor.stride())}]";
            throw new ArgumentException(
                $"expected {expected} numbers on the CPU{(anyStrides ? "" : ", end to end")}, " +
                $"found {tensor.dtype} on {tensor.device}{order}", nameof(tensor));
        }
        if (tensor.numel() == 0)
        {
            return null;
        }
        using Tensor plain = tensor.detach();
        Tensor first = plain.as_strided([1], [1], tensor.storage_offset()).DetachFromDisposeScope(); // keeps all of the storage
        _kept.Add(first);
        fixed (byte* start = first.bytes) // tensor memory does not move
        {
            return start;
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
