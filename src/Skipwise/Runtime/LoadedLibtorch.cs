using System.Runtime.InteropServices;
using TorchSharp;

namespace Skipwise.Runtime;

/// <summary>The libtorch loaded in this process.</summary>
internal static unsafe class LoadedLibtorch
{
    private const int MajorShift = 56, MinorShift = 48;

    /// <summary>On Linux, the address of an exported symbol of libtorch; dlopen by name returns the loaded library.</summary>
    public static bool TryFind(string library, string symbol, out nint address)
    {
        address = 0;
        return NativeLibrary.TryLoad(library, out nint handle) && NativeLibrary.TryGetExport(handle, symbol, out address);
    }

    /// <summary>
    /// The address of a function of the loaded libtorch, on every system: the library is searched for as TorchSharp does.
    /// </summary>
    public static bool TryFind(string symbol, out nint address)
    {
        if (OperatingSystem.IsLinux())
        {
            return TryFind("libtorch_cpu.so", symbol, out address);
        }
        address = 0;
        return NativeLibrary.TryLoad("torch_cpu", typeof(torch).Assembly, null, out nint handle)
            && NativeLibrary.TryGetExport(handle, symbol, out address);
    }

    /// <returns>its version, such as 2.10; null if it is too old to report one</returns>
    public static string? Version() => TryFind("aoti_torch_abi_version", out nint ask) ? Version(ask) : null;

    /// <param name="ask">aoti_torch_abi_version of a libtorch</param>
    public static string Version(nint ask)
    {
        ulong version = ((delegate* unmanaged<ulong>)ask)();
        return $"{version >> MajorShift}.{version >> MinorShift & 0xFF}";
    }

    /// <summary>
    /// Switches the TorchScript fuser off: scripts here are single operations, or formulas that tests check without fusion.
    /// </summary>
    public static (NativePatchState State, string Reason) DisableScriptFusion()
    {
        const string setting = "_ZN5torch3jit25setTensorExprFuserEnabledEb"; // void torch::jit::setTensorExprFuserEnabled(bool)
        if (!TryFind("libtorch_cpu.so", setting, out nint set))
        {
            return (NativePatchState.NotApplicable, "libtorch has no such setting");
        }
        ((delegate* unmanaged<byte, void>)set)(0);
        return (NativePatchState.On, "setTensorExprFuserEnabled(false)");
    }
}
