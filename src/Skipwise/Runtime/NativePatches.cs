using TorchSharp;

namespace Skipwise.Runtime;

/// <summary>
/// The native patches by name, in the order of their application, and the result of each. A patch stays on: a later request only adds.
/// Guarded by the lock of <see cref="TorchRuntime"/>.
/// </summary>
internal static class NativePatches
{
    /// <summary>versions of libtorch and TorchSharp whose machine code is known</summary>
    private const string KnownLibtorch = TorchRuntime.RequiredLibtorch, KnownTorchSharp = "0.107.0";

    private static readonly Patch[] s_all =
    [
        new(nameof(TorchRuntimeOptions.KeepFreedMemory), asked => asked.KeepFreedMemory, Stage.BeforeLibtorch, _ => FreedMemory.Keep())
        {
            IsPossibleLater = true,
        },
        new(nameof(TorchRuntimeOptions.PassiveOpenMpWait), asked => asked.PassiveOpenMpWait, Stage.BeforeLibtorch,
            _ => ProcessEnvironment.SetDefault("OMP_WAIT_POLICY", "PASSIVE")),
        new(nameof(TorchRuntimeOptions.DeprioritizeCudnnAttention), asked => asked.DeprioritizeCudnnAttention, Stage.BeforeLibtorch,
            _ => ProcessEnvironment.SetDefault("TORCH_CUDNN_SDPA_DEPRIORITIZED", "1")),
        new(nameof(TorchRuntimeOptions.AllocateTensorsByMalloc), asked => asked.AllocateTensorsByMalloc, Stage.WithLibtorch,
            _ => TensorAllocatorPatch.UseMalloc()) { IsMachineCode = true },
        new(nameof(TorchRuntimeOptions.DisableScriptFusion), asked => asked.DisableScriptFusion, Stage.WithLibtorch,
            _ => LoadedLibtorch.DisableScriptFusion()) { IsPossibleLater = true },
        new(nameof(TorchRuntimeOptions.ForceMklAvx512), asked => asked.ForceMklAvx512, Stage.WithLibtorch,
            _ => MklCpuDispatch.ForceAvx512()) { IsMachineCode = true },
        new(nameof(TorchRuntimeOptions.DelayScalarFrees), asked => asked.DelayScalarFrees, Stage.WithWrapper,
            ScalarFreePatch.DelayFrees) { IsMachineCode = true, IsOfTorchSharp = true },
    ];

    private static readonly Dictionary<string, NativePatchStatus> s_status = [];

    /// <summary>Stages of loading libtorch.</summary>
    public enum Stage
    {
        /// <summary>nothing is loaded</summary>
        BeforeLibtorch,
        /// <summary>libtorch is loaded, TorchSharp's library is not</summary>
        WithLibtorch,
        /// <summary>TorchSharp's library is loaded, too</summary>
        WithWrapper,
    }

    /// <summary>Whether the environment switches all patches off.</summary>
    private static bool AreSwitchedOff => Environment.GetEnvironmentVariable(TorchRuntime.PatchesVariable) == "off";

    /// <summary>One status for each patch, in their order.</summary>
    public static IReadOnlyList<NativePatchStatus> Status() =>
    [
        .. s_status.TryGetValue(nameof(TorchRuntimeOptions.LoadOnOlderSystems), out NativePatchStatus? load)
            ? [load]
            : (NativePatchStatus[])[new(nameof(TorchRuntimeOptions.LoadOnOlderSystems), NativePatchState.Off, "libtorch is not started")],
        .. s_all.Select(patch => s_status.GetValueOrDefault(patch.Name) ?? new(patch.Name, NativePatchState.Off, "not asked for")),
    ];

    /// <summary>Sets the result of the load itself, which is no patch of the process.</summary>
    public static void SetLoad((NativePatchState State, string Reason) result) =>
        Set(nameof(TorchRuntimeOptions.LoadOnOlderSystems), result);

    /// <summary>Applies the requested patches of a stage.</summary>
    /// <param name="wrapper">TorchSharp's native library, once it is loaded</param>
    /// <param name="torchSharp">TorchSharp's version; null if no request needs it</param>
    public static void Apply(TorchRuntimeOptions options, Stage stage, nint wrapper = 0, string? torchSharp = null) =>
        ApplyAll(options, patch => patch.Stage == stage, _ => null, wrapper, torchSharp);

    /// <summary>Applies the requested patches that are not on yet, after libtorch has been loaded.</summary>
    /// <inheritdoc cref="Apply"/>
    public static void ApplyLater(TorchRuntimeOptions options, nint wrapper, string? torchSharp) => ApplyAll(options, _ => true, patch =>
    {
        bool isInUse = torch.Tensor.PeakCount > 0; // another thread may run the code to be overwritten
        return patch.IsPossibleLater || (patch.IsMachineCode && !isInUse) ? null
            : patch.IsMachineCode ? "tensors were made before TorchRuntime.Initialize: call it first"
            : "libtorch was loaded before TorchRuntime.Initialize: call it first, in a method that names no type of TorchSharp";
    }, wrapper, torchSharp);

    /// <summary>Sets the reason why the requested patches are not applied.</summary>
    public static void Refuse(TorchRuntimeOptions options, string reason) => ApplyAll(options, _ => true, _ => reason, 0, null);

    private static void ApplyAll(
        TorchRuntimeOptions options, Func<Patch, bool> isDue, Func<Patch, string?> obstacle, nint wrapper, string? torchSharp)
    {
        foreach (Patch patch in s_all)
        {
            if (isDue(patch) && patch.IsAsked(options) && s_status.GetValueOrDefault(patch.Name)?.State != NativePatchState.On)
            {
                Set(patch.Name, AreSwitchedOff
                    ? (NativePatchState.Off, $"{TorchRuntime.PatchesVariable}=off")
                    : (obstacle(patch) ?? Obstacle(patch, torchSharp)) is { } reason
                        ? (NativePatchState.NotApplicable, reason)
                        : patch.Apply(wrapper));
            }
        }
    }

    /// <summary>Reason why machine or versions do not allow a patch; null if they do.</summary>
    private static string? Obstacle(Patch patch, string? torchSharp)
    {
        if (!patch.IsMachineCode)
        {
            return null;
        }
        if (!MachineCode.IsPatchable)
        {
            return "machine code is known for Linux on x86-64 alone";
        }
        (string what, string known, string? found) = patch.IsOfTorchSharp
            ? ("TorchSharp", KnownTorchSharp, torchSharp)
            : ("libtorch", KnownLibtorch, LoadedLibtorch.Version());
        return found == known ? null : $"the machine code of {what} {known} is known, this is {found ?? "another"}";
    }

    private static void Set(string name, (NativePatchState State, string Reason) result) =>
        s_status[name] = new(name, result.State, result.Reason);

    /// <param name="Name">the property that asks for it</param>
    /// <param name="Stage">when a start applies it</param>
    /// <param name="Apply">receives TorchSharp's native library, if it is loaded</param>
    private sealed record Patch(
        string Name, Func<TorchRuntimeOptions, bool> IsAsked, Stage Stage, Func<nint, (NativePatchState State, string Reason)> Apply)
    {
        /// <summary>Whether it works, safely, at any time.</summary>
        public bool IsPossibleLater { get; init; }

        /// <summary>Whether it overwrites machine code: only in known versions, and only before computation starts.</summary>
        public bool IsMachineCode { get; init; }

        /// <summary>Whether that code is TorchSharp's rather than libtorch's.</summary>
        public bool IsOfTorchSharp { get; init; }
    }
}
