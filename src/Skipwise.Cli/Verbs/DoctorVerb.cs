using Skipwise.Cli.Display;
using Skipwise.Cli.Flags;
using Skipwise.Recipes;
using static System.FormattableString;

namespace Skipwise.Cli.Verbs;

/// <summary><c>skipwise doctor</c></summary>
internal static class DoctorVerb
{
    private const double Gibibyte = 1L << 30;

    public static Verb Create(Screen screen)
    {
        var verb = new Verb("doctor",
            "Show what Skipwise runs on: machine, libtorch, kernels, native patches, GPU, MPI, memory and disk. Put it into a bug report.",
            """
            skipwise doctor
            skipwise doctor --json
            skipwise doctor --json doctor.json
            """)
        { TakesConfig = false };
        var json = new JsonFlag<MachineReport>(verb);
        verb.OnRun(screen, (parse, _) =>
        {
            MachineReport report = MachineReport.Create();
            json.Show(parse, screen, report, () => Show(screen, report));
            return report.Libtorch.Problem is null ? ExitCode.Success : ExitCode.CheckFailed;
        });
        return verb;
    }

    private static void Show(Screen screen, MachineReport report)
    {
        List<(string Name, string Value)> facts =
        [
            ("skipwise", report.Version),
            ("system", $"{report.System}, {report.Architecture}"),
            (".NET", report.DotNet),
            ("processor", $"{report.Processor ?? "unknown"}, {report.Cores} cores"),
            ("instructions", report.Instructions.Count > 0 ? string.Join(' ', report.Instructions) : "none of those that matter"),
            ("memory", Invariant($"{report.Memory / Gibibyte:0.0} GiB, {report.MemoryInUse / Gibibyte:0.0} GiB in use")),
            .. report.Disks.Select(disk => ("disk", Invariant($"{disk.Free / Gibibyte:0.0} GiB free for {disk.Path}"))),
            ("libtorch", report.Libtorch.Problem ?? $"{report.Libtorch.Version ?? "unknown version"}, {report.Libtorch.Threads} threads"),
            ("  from", report.Libtorch.Path ?? "unknown"),
            .. report.Kernels.Select(kernels => ($"kernels {kernels.Key}", kernels.Value)),
            .. report.Patches.Select(patch => ($"patch {patch.Name}", $"{State(patch)}: {patch.Reason}")),
            ("GPU", report.Gpus.Count > 0 ? string.Join(", ", report.Gpus)
                : report.GpuDriver ? "a driver, and no GPU that libtorch can use" : "none"),
            ("MPI", report.Mpi.Count > 0 ? string.Join(", ", report.Mpi) : "neither a launcher nor a library found"),
            .. report.Environment.Select(variable => (variable.Key, variable.Value)),
        ];
        screen.Facts(facts);
    }

    private static string State(Skipwise.Runtime.NativePatchStatus patch) => patch.State switch
    {
        Skipwise.Runtime.NativePatchState.On => "on",
        Skipwise.Runtime.NativePatchState.Off => "off",
        _ => "not applicable",
    };
}
