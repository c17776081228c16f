using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Runtime;

/// <summary>Copies values from the host to the device.</summary>
internal static class HostToDevice
{
    /// <summary>
    /// Copies values to the device, to a GPU from pinned memory: the CPU does not wait for the copy, as it would with <c>tensor(values,
    /// device: device)</c>.
    /// </summary>
    /// <param name="host">on the CPU; not changed afterwards</param>
    public static Tensor Copy(Tensor host, Device device)
    {
        using var scope = NewDisposeScope();
        Tensor there = device.type == DeviceType.CUDA ? host.pin_memory().to(device, non_blocking: true) : host.to(device);
        return there.MoveToOuterDisposeScope();
    }
}
