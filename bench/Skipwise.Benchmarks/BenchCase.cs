using Skipwise.Models.Lora;
using Skipwise.Positions;
using Skipwise.Training;
using Skipwise.Training.Optimizers;

namespace Skipwise.Benchmarks;

/// <summary>One question to the machine.</summary>
/// <param name="Steps">steps (or passes) that are measured, after one warm-up</param>
internal abstract record BenchCase(string Name, int Steps)
{
    /// <summary>Whether the model computes in bfloat16, as with <c>--dtype bfloat16</c>; a training's master weights are float32.</summary>
    public bool IsBfloat16 { get; init; }

    /// <summary>Creates the model and all else that a step needs.</summary>
    /// <param name="steps">the most that will be run</param>
    public abstract BenchWork Start(int steps);

    /// <summary>Runs the steps between passes of the matrix products alone.</summary>
    public Measurement Measure(int steps)
    {
        using BenchWork work = Start(steps + 1);
        return Measurement.Of(steps, work);
    }

    private static readonly TrainCase s_base =
        new("ii-1x1024", 4, BenchModels.Base(), new() { TrainLength = 1024, TargetLength = 16384 }, new() { BatchSize = 1 });
    private static readonly LoraOptions s_lora = new() { Rank = 16 };

    /// <summary>The cases that the bars speak of come first.</summary>
    public static IReadOnlyList<BenchCase> All { get; } =
    [
        Train("i-4x512", 8, batch: 4, tokens: 512),
        Train("i-1x2048", 15, tokens: 2048),
        Train("i-1x4096", 4, tokens: 4096),
        Train("i-1x8192-checkpointed", 2, tokens: 8192, recomputeEvery: 1),
        s_base,
        Train("i-pose-4k", 15, tokens: 2048, target: 4096),
        Train("i-pose-128k", 15, tokens: 2048, target: 131072),
        new ScoreCase("i-forward-8192", 4, BenchModels.Small(), 8192),
        new PasskeyCase("i-passkey-4096", 3, BenchModels.Small(), 4096),
        Train("i-pose-16k", 15, tokens: 2048, target: 16384),
        Train("i-full-2k", 15, tokens: 2048, target: 2048, mode: PositionMode.Full),
        Train("i-full-4k", 4, tokens: 4096, target: 4096, mode: PositionMode.Full),
        Train("i-full-8k", 2, tokens: 8192, target: 8192, mode: PositionMode.Full),
        Train("i-1x2048-checkpoint-all", 5, tokens: 2048, recomputeEvery: 1),
        Train("i-1x2048-checkpoint-half", 5, tokens: 2048, recomputeEvery: 2),
        Train("i-4x512-packed", 5, tokens: 512, batch: 4, packing: true),
        Train("i-1x2048-lora", 5, tokens: 2048, lora: s_lora),
        Train("i-1x2048-lora-8bit", 5, tokens: 2048, lora: s_lora with { QuantizationBits = 8 }),
        Train("i-1x2048-lora-4bit", 5, tokens: 2048, lora: s_lora with { QuantizationBits = 4 }),
        Train("i-1x2048-lora-4bit-checkpoint-all", 5, tokens: 2048, recomputeEvery: 1, lora: s_lora with { QuantizationBits = 4 }),
        s_base with { Name = "ii-1x1024-adamw8bit", Training = s_base.Training with { Optimizer = OptimizerKind.Adamw8bit } },
        s_base with { Name = "ii-1x1024-adafactor", Training = s_base.Training with { Optimizer = OptimizerKind.Adafactor } },
    ];

    private static TrainCase Train(string name, int steps, int tokens, int batch = 1, int target = 16384,
        PositionMode mode = PositionMode.Pose, int recomputeEvery = 0, bool packing = false, LoraOptions? lora = null) => new(
        name, steps, BenchModels.Small(target, Math.Max(1, target / 2048.0)),
        new PoseOptions { Mode = mode, TrainLength = tokens, TargetLength = target },
        new TrainOptions { BatchSize = batch, RecomputeEvery = recomputeEvery, Packing = packing })
        {
            Lora = lora ?? new(),
        };
}
