using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Kernels;

/// <summary>A <see cref="DynamicQuantizationMap"/> on a device.</summary>
/// <param name="Values">float32 [256]: value of each byte</param>
/// <param name="Boundaries">float32 [256]: above it the next byte is nearer</param>
/// <param name="BinLookup">int32 [65536]: <see cref="DynamicQuantizationMap.BinLookup"/></param>
/// <param name="ZeroCode">the byte whose value is 0</param>
internal sealed record QuantizationTable(Tensor Values, Tensor Boundaries, Tensor BinLookup, byte ZeroCode) : IDisposable
{
    /// <summary>Creates a table outside all dispose scopes.</summary>
    public static QuantizationTable Create(float[] values, float[] bounds, Device device) => new(
        tensor(values, device: device).DetachFromDisposeScope(), tensor(bounds, device: device).DetachFromDisposeScope(),
        tensor(DynamicQuantizationMap.BinLookup(bounds), ScalarType.Int32, device: device).DetachFromDisposeScope(),
        (byte)Array.IndexOf(values, 0f));

    public void Dispose()
    {
        Values.Dispose();
        Boundaries.Dispose();
        BinLookup.Dispose();
    }
}
