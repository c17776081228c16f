using System.Text.Json.Nodes;
using Skipwise.Estimation;
using Skipwise.Models;
using Skipwise.Runtime;

namespace Skipwise.Benchmarks.Gpu;

/// <summary><c>skipwise estimate</c> for the run that <see cref="PoseSteps"/> takes, beside that run.</summary>
internal static class EstimateBesideRun
{
    private const double MemoryBar = 0.15, TimeBar = 0.25;

    public static JsonObject Run(GpuSetup setup)
    {
        DecoderConfig config = setup.IsSmall ? GpuModels.Rehearsal : GpuModels.OneBillion;
        int batch = setup.IsSmall ? 2 : 8, window = setup.IsSmall ? 64 : 2048;
        string folder = Directory.CreateTempSubdirectory("skipwise-gpu-").FullName;
        CostEstimate estimate;
        try
        {
            File.WriteAllText(Path.Combine(folder, "config.json"), Config(config, window).ToJsonString());
            estimate = CostEstimator.Run(new()
            {
                Model = folder,
                TargetLength = 8 * window,
                BatchSize = batch,
                Compute = setup.Compute(Precision.Bfloat16),
            });
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
        JsonObject run = PoseSteps.Run(setup, GpuModels.OneBillion, batch, new());
        double measured = (double)run["step_seconds_16k"]!, peak = (double)run["peak_gib"]!;
        double estimated = estimate.Pose.SecondsPerStep ?? throw new SkipwiseException(estimate.UntimedBecause!);
        double time = estimated / measured;
        double memory = (estimate.Pose.Memory.Peak - estimate.Pose.Memory.Process) / (peak * (1L << 30));
        return new()
        {
            ["estimated_seconds"] = Math.Round(estimated, 4),
            ["measured_seconds"] = measured,
            ["time_ratio"] = Number(time),
            ["memory_ratio"] = Number(memory),
            ["passed"] = setup.IsSmall || (Math.Abs(time - 1) <= TimeBar && Math.Abs(memory - 1) <= MemoryBar),
        };
    }

    private static JsonNode Number(double value) => double.IsFinite(value) ? Math.Round(value, 3) : "not measurable at this size";

    private static JsonObject Config(DecoderConfig model, int window) => new()
    {
        ["model_type"] = "llama",
        ["vocab_size"] = model.VocabSize,
        ["hidden_size"] = model.HiddenSize,
        ["intermediate_size"] = model.IntermediateSize,
        ["num_hidden_layers"] = model.NumHiddenLayers,
        ["num_attention_heads"] = model.NumAttentionHeads,
        ["num_key_value_heads"] = model.NumKeyValueHeads,
        ["hidden_act"] = "silu",
        ["rms_norm_eps"] = 1e-5,
        ["max_position_embeddings"] = window,
        ["tie_word_embeddings"] = false,
    };
}
