using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Runtime;

/// <summary>Values on their way from the host to the device.</summary>
internal static class HostToDevice
{
    /// <summary>
    /// The tensor on the device. A GPU fetches it by itself, from memory that is never paged out: the host does not wait, as it would
    /// with <c>tensor(values, device: device)</c>.
    /// </summary>
    /// <param name="host">on the CPU, not to be changed afterwards</param>
    public static Tensor Copy(Tensor host, Device device)
    {
        using var scope = NewDisposeScope();
        Tensor there = device.type == DeviceType.CUDA ? host.pin_memory().to(device, non_blocking: true) : host.to(device);
        return there.MoveToOuterDisposeScope();
    }
}
