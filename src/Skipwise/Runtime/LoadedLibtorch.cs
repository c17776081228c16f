using System.Runtime.InteropServices;
using TorchSharp;

namespace Skipwise.Runtime;

/// <summary>The libtorch that this process has loaded.</summary>
internal static unsafe class LoadedLibtorch
{
    private const int MajorShift = 56, MinorShift = 48;

    /// <summary>On Linux, the address of something that a library of libtorch exports; by its name alone the loader finds the loaded
    /// one.</summary>
    public static bool TryFind(string library, string symbol, out nint address)
    {
        address = 0;
        return NativeLibrary.TryLoad(library, out nint handle) && NativeLibrary.TryGetExport(handle, symbol, out address);
    }

    /// <summary>The address of a function of the loaded libtorch, on every system: the library is searched for as TorchSharp
    /// does.</summary>
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

    /// <returns>its version, as 2.10; null where it is too old to tell</returns>
    public static string? Version() => TryFind("aoti_torch_abi_version", out nint ask) ? Version(ask) : null;

    /// <param name="ask">aoti_torch_abi_version of a libtorch</param>
    public static string Version(nint ask)
    {
        ulong version = ((delegate* unmanaged<ulong>)ask)();
        return $"{version >> MajorShift}.{version >> MinorShift & 0xFF}";
    }

    /// <summary>Switches the compiler of scripts off: those here are single operations, or formulas that the tests check as they
    /// stand.</summary>
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
