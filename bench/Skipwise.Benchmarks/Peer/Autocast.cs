using Skipwise.Runtime;

namespace Skipwise.Benchmarks.Peer;

/// <summary>
/// <c>torch.autocast("cpu", dtype=torch.bfloat16)</c>, which TorchSharp does not have: libtorch's own functions, which Python calls too.
/// </summary>
internal sealed unsafe class Autocast : IDisposable
{
    private const sbyte Cpu = 0, Bfloat16 = 15; // c10::DeviceType, c10::ScalarType

    private static readonly nint s_enable = Function("_ZN2at8autocast20set_autocast_enabledEN3c1010DeviceTypeEb"),
        s_setType = Function("_ZN2at8autocast18set_autocast_dtypeEN3c1010DeviceTypeENS1_10ScalarTypeE"),
        s_enter = Function("_ZN2at8autocast17increment_nestingEv"), s_leave = Function("_ZN2at8autocast17decrement_nestingEv"),
        s_clear = Function("_ZN2at8autocast11clear_cacheEv");

    private Autocast()
    {
        ((delegate* unmanaged<sbyte, byte, void>)s_enable)(Cpu, 1);
        ((delegate* unmanaged<sbyte, sbyte, void>)s_setType)(Cpu, Bfloat16);
        _ = ((delegate* unmanaged<int>)s_enter)();
    }

    /// <summary>Turns it on for this thread until it is disposed.</summary>
    /// <returns>null if it is not wanted</returns>
    public static Autocast? If(bool isWanted) => isWanted ? new() : null;

    /// <inheritdoc/>
    public void Dispose()
    {
        if (((delegate* unmanaged<int>)s_leave)() == 0)
        {
            ((delegate* unmanaged<void>)s_clear)();
        }
        ((delegate* unmanaged<sbyte, byte, void>)s_enable)(Cpu, 0);
    }

    private static nint Function(string name) => LoadedLibtorch.TryFind(name, out nint address)
        ? address
        : throw new SkipwiseException($"This libtorch has no {name}. Use libtorch {TorchRuntime.RequiredLibtorch}, whose autocast has it.");
}
