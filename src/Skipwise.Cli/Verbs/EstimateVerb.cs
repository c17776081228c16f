using Skipwise.Cli.Display;
using Skipwise.Cli.Flags;
using Skipwise.Estimation;
using Skipwise.Positions;
using Skipwise.Training;
using Skipwise.Training.Optimizers;

namespace Skipwise.Cli.Verbs;

/// <summary><c>skipwise estimate</c></summary>
internal static class EstimateVerb
{
    private const double Gibibyte = 1L << 30;
    private static readonly CostEstimatorOptions s_default = new() { Model = "", TargetLength = 0 };

    public static Verb Create(Screen screen)
    {
        var verb = new Verb("estimate",
            "Estimate memory and time of a training step, with PoSE and at full length, from the config and one short step.",
            """
            skipwise estimate --model llama-2-7b --target-length 16384 --batch-size 4 --fit
            skipwise estimate --model llama-2-7b --target-length 32768 --lora-rank 16 --quantization-bits 4
            skipwise estimate --model qwen2.5-7b --target-length 131072 --device cuda --dtype bfloat16 --memory 80 --json estimate.json
            skipwise estimate --model llama-2-7b --target-length 16384 --dtype bfloat16 --ranks 8 --shard parameters --memory 80
            """)
        {
            EstimateServeVerb.Create(screen),
        };
        Flag<string> model = verb.Required("--model", "folder",
                "Hugging Face folder of the base model, ORG/NAME after 'pull', or a GGUF file")
            .Sets(nameof(CostEstimatorOptions.Model));
        Flag<int> target = verb.RequiredInteger("--target-length", "the window to reach, in tokens")
            .Sets(nameof(CostEstimatorOptions.TargetLength)).Sets(nameof(PoseOptions.TargetLength));
        Flag<int?> trainLength = verb.OptionalInteger("--train-length", "tokens per training window [default: the model's own window]")
            .Sets(nameof(CostEstimatorOptions.TrainLength));
        Flag<int> batch = verb.Integer("--batch-size", "windows per micro-batch", s_default.BatchSize)
            .Sets(nameof(CostEstimatorOptions.BatchSize)).Sets(nameof(TrainOptions.BatchSize));
        Flag<int> accumulation =
            verb.Integer("--gradient-accumulation", "micro-batches per optimizer step", s_default.GradientAccumulationSteps)
            .Sets(nameof(CostEstimatorOptions.GradientAccumulationSteps)).Sets(nameof(TrainOptions.GradientAccumulationSteps));
        Flag<int> recompute = verb.Integer("--recompute-every",
            "gradient checkpointing: recompute every n-th layer in the backward pass instead of keeping its activations; 1 all layers, " +
            "0 none",
            s_default.RecomputeEvery).Sets(nameof(CostEstimatorOptions.RecomputeEvery));
        Flag<OptimizerKind> optimizer = verb.Choice("--optimizer", "optimizer whose state is counted", s_default.Optimizer)
            .Sets(nameof(CostEstimatorOptions.Optimizer));
        var compute = new ComputeFlags(verb);
        Flag<Offload> offload = verb.Choice("--offload", "state kept in host memory while a GPU computes", s_default.Offload)
            .Sets(nameof(CostEstimatorOptions.Offload));
        Flag<int> ranks = verb.Integer("--ranks", "ranks that train together (mpirun, srun); the table is that of each", s_default.Ranks)
            .Sets(nameof(CostEstimatorOptions.Ranks));
        Flag<Shard> shard = verb.Choice("--shard",
            "what is divided among the ranks, each stage with those before it; optimizer: its state (ZeRO 1), gradients (ZeRO 2), " +
            "parameters (ZeRO 3)", s_default.Shard).Sets(nameof(CostEstimatorOptions.Shard));
        var rope = new RopeFlags(verb, extends: true);
        var lora = new LoraFlags(verb);
        Flag<bool> fit = verb.Switch("--fit", "propose the largest --batch-size that fits the memory");
        Flag<double?> memory =
            verb.OptionalNumber("--memory", "memory available to the run, in GiB [default: that of the machine, or of the GPU]")
            .Sets(nameof(CostEstimatorOptions.Memory));
        var json = new JsonFlag<CostEstimate>(verb);
        verb.OnRunWithTorch(screen, (parse, stop) =>
        {
            var options = new CostEstimatorOptions
            {
                Model = model.ValueOf(parse),
                TargetLength = target.ValueOf(parse),
                TrainLength = trainLength.ValueOf(parse),
                BatchSize = batch.ValueOf(parse),
                GradientAccumulationSteps = accumulation.ValueOf(parse),
                RecomputeEvery = recompute.ValueOf(parse),
                Optimizer = optimizer.ValueOf(parse),
                Compute = compute.Of(parse),
                Offload = offload.ValueOf(parse),
                Ranks = ranks.ValueOf(parse),
                Shard = shard.ValueOf(parse),
                Rope = rope.Of(parse),
                Lora = lora.Of(parse),
                Memory = memory.ValueOf(parse) is { } gibibytes ? (long)(gibibytes * Gibibyte) : null,
            };
            CostEstimate estimate = ProgressDisplay.Run(screen, display => CostEstimator.Run(options, display.Stage, stop));
            json.Show(parse, screen, estimate, () =>
            {
                screen.Table(Table(estimate));
                if (estimate.UntimedBecause is { } reason)
                {
                    screen.Line(reason);
                }
                if (fit.ValueOf(parse))
                {
                    screen.Line(Fit(estimate));
                }
            });
            return ExitCode.Success;
        });
        return verb;
    }

    private static ResultTable Table(CostEstimate estimate)
    {
        StepEstimate pose = estimate.Pose, full = estimate.Full;
        IReadOnlyList<string> Row(string name, Func<StepEstimate, string> of) => [name, of(pose), of(full)];
        return new("a training step", ["", "PoSE", "full length"],
        [
            Row("windows", e => $"{e.BatchSize} x {e.Length}"),
            Row("weights", e => Size(e.Memory.Weights)),
            Row("optimizer", e => Size(e.Memory.Optimizer)),
            Row("working memory", e => Size(e.Memory.BackwardPeak)),
            Row("  gradients", e => Size(e.Memory.Gradients)),
            Row("  logits", e => Size(e.Memory.Logits)),
            Row("program", e => Size(e.Memory.Process)),
            Row("peak memory", e => Size(e.Memory.Peak)),
            Row("seconds", e => Seconds(e.SecondsPerStep)),
            Row("CPU seconds", e => Seconds(e.CpuSecondsPerStep)),
            .. pose.BytesSent > 0 ? [Row("sent per step", e => Size(e.BytesSent))] : (IReadOnlyList<string>[])[],
        ]);
    }

    private static string Fit(CostEstimate estimate)
    {
        string Words(StepEstimate e, string name) => e.LargestBatch == 0
            ? $"{name}: not even one window of {e.Length} tokens fits {Size(estimate.AvailableMemory)}"
            : $"{name}: --batch-size {e.LargestBatch} is the largest that fits {Size(estimate.AvailableMemory)} with a tenth to spare";
        return $"{Words(estimate.Pose, "PoSE")}\n{Words(estimate.Full, "full length")}";
    }

    private static string Seconds(double? seconds) => seconds is null ? "unknown" : $"{seconds:0.###}";

    private static string Size(long bytes) => $"{bytes / Gibibyte:0.00} GiB";
}
