using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using Skipwise.Runtime;

namespace Skipwise.Tests.Runtime;

/// <summary>What the library changes in the process that uses it. Each case is a process of its own.</summary>
public sealed class NativePatchesTests
{
    private static readonly string[] s_code =
    [
        nameof(TorchRuntimeOptions.AllocateTensorsByMalloc), nameof(TorchRuntimeOptions.ForceMklAvx512),
        nameof(TorchRuntimeOptions.DelayScalarFrees),
    ];

    public NativePatchesTests() => Assert.SkipUnless(
        OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64, "patches are for Linux on x86-64");

    [Fact]
    public void A_program_that_asks_for_nothing_is_left_as_it_was()
    {
        HostProcess.Report plain = HostProcess.Run(HostProcess.Kind.Plain);
        Assert.Equal([], plain.Environment);
        Assert.Equal([], plain.Overwritten);
        Assert.True(plain.MapsLargeAllocations);
        AllAreOff(plain);
    }

    [Fact]
    public void A_program_that_asks_for_everything_has_it_and_computes_the_same()
    {
        HostProcess.Report tool = HostProcess.Run(HostProcess.Kind.Tool), plain = HostProcess.Run(HostProcess.Kind.Plain);
        string[] missing = HasAvx512 ? [] : [nameof(TorchRuntimeOptions.ForceMklAvx512)];
        Assert.Equal(["OMP_WAIT_POLICY", "TORCH_CUDNN_SDPA_DEPRIORITIZED"], tool.Environment);
        Assert.Equal(s_code.Except(missing).Order(), tool.Overwritten.Order());
        Assert.False(tool.MapsLargeAllocations);
        Assert.All(Patches(tool), patch =>
            Assert.Equal((patch.Key, missing.Contains(patch.Key) ? NativePatchState.NotApplicable : NativePatchState.On),
                (patch.Key, patch.Value)));
        Assert.All(tool.Logits.Zip(plain.Logits), pair => Assert.InRange(Math.Abs(pair.First - pair.Second), 0, 1e-5)); // other MKL kernels
    }

    [Fact]
    public void The_environment_switches_all_off()
    {
        HostProcess.Report off = HostProcess.Run(HostProcess.Kind.Tool, patches: "off");
        Assert.Equal([], off.Environment);
        Assert.Equal([], off.Overwritten);
        Assert.True(off.MapsLargeAllocations);
        AllAreOff(off);
    }

    [Fact]
    public void Code_that_may_be_running_is_not_overwritten()
    {
        HostProcess.Report late = HostProcess.Run(HostProcess.Kind.Late);
        Assert.Equal([], late.Overwritten);
        Assert.All(s_code, name => Assert.Equal(NativePatchState.NotApplicable, late.Patches[name]));
        Assert.Equal(NativePatchState.NotApplicable, late.Patches[nameof(TorchRuntimeOptions.PassiveOpenMpWait)]);
        Assert.Equal(NativePatchState.On, late.Patches[nameof(TorchRuntimeOptions.KeepFreedMemory)]);
        Assert.False(late.MapsLargeAllocations);
    }

    /// <summary>Machine code is overwritten only where its version is known; the patches of other libraries are not affected.</summary>
    [Fact]
    public void Code_of_another_version_is_not_overwritten()
    {
        HostProcess.Report unknown = HostProcess.Run(HostProcess.Kind.Unknown);
        Assert.Equal(NativePatchState.NotApplicable, unknown.Patches[HostProcess.Wrapped]);
        Assert.DoesNotContain(HostProcess.Wrapped, unknown.Overwritten);
        Assert.Contains(nameof(TorchRuntimeOptions.AllocateTensorsByMalloc), unknown.Overwritten);
    }

    [Fact]
    public void Every_option_has_one_line_of_status() // and All has every option
    {
        string[] options =
            [.. typeof(TorchRuntimeOptions).GetProperties().Where(property => property.CanWrite).Select(property => property.Name)];
        Assert.Equal(options.Order(), TorchRuntime.Status.Select(patch => patch.Name).Order());
        Assert.All(TorchRuntime.Status,
            patch => Assert.Matches($"^{patch.Name}: (on|off|not applicable) \\([^\\n]+\\)$", patch.ToString()));
        Assert.All(options, name => Assert.Equal(true, typeof(TorchRuntimeOptions).GetProperty(name)!.GetValue(TorchRuntimeOptions.All)));
    }

    private static bool HasAvx512 => Avx512F.IsSupported && Avx512BW.IsSupported && Avx512DQ.IsSupported && Avx512F.VL.IsSupported;

    /// <summary>All but the load of libtorch itself.</summary>
    private static IEnumerable<KeyValuePair<string, NativePatchState>> Patches(HostProcess.Report report) =>
        report.Patches.Where(patch => patch.Key != nameof(TorchRuntimeOptions.LoadOnOlderSystems));

    private static void AllAreOff(HostProcess.Report report) =>
        Assert.All(Patches(report), patch => Assert.Equal((patch.Key, NativePatchState.Off), (patch.Key, patch.Value)));
}
