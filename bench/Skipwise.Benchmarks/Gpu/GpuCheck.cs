using System.Text.Json.Nodes;
using Skipwise.Models.Lora;

namespace Skipwise.Benchmarks.Gpu;

/// <summary>One question to a GPU, in a process of its own, so that a crash costs one answer.</summary>
/// <param name="LimitSeconds">after which <c>bench/gpu</c> ends it</param>
/// <param name="Run">
/// its numbers, as one JSON object; "passed" where a bar is set. On the CPU's rehearsal sizes bars on speed are not judged
/// </param>
internal sealed record GpuCheck(string Name, int LimitSeconds, Func<GpuSetup, JsonObject> Run)
{
    private static readonly LoraOptions s_lora = new() { Rank = 16 };

    /// <summary>In order of worth: a lease may end before the last one.</summary>
    public static IReadOnlyList<GpuCheck> All { get; } =
    [
        new("probe", 60, DeviceProbe.Run),
        new("logits", 60, FixtureLogits.Run),
        new("losses", 100, LossCurves.Run),
        new("gradients", 60, GradientMatches.Run),
        new("pose-1b", 100, setup => PoseSteps.Run(setup, GpuModels.OneBillion, batch: 8, new())),
        new("resume", 60, KilledRun.Run),
        new("steady", 60, SteadyMemory.Run),
        new("pose-7b-lora-4bit", 100,
            setup => PoseSteps.Run(setup, GpuModels.SevenBillion, batch: 4, s_lora with { QuantizationBits = 4 })),
        new("pose-7b-lora", 100, setup => PoseSteps.Run(setup, GpuModels.SevenBillion, batch: 4, s_lora)),
        new("estimate-1b", 60, EstimateBesideRun.Run),
        new("decode-1b", 60, DecodeRate.Run),
        new("perplexity-128k", 100, LongPerplexity.Run),
    ];
}
