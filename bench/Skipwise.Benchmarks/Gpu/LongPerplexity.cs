using System.Text.Json.Nodes;
using Skipwise.Evaluation.Scoring;
using Skipwise.Models;
using Skipwise.Runtime;
using static TorchSharp.torch;

namespace Skipwise.Benchmarks.Gpu;

/// <summary>The losses of one window of 128k tokens in bfloat16: time, and what it takes of the device's memory beside the model.</summary>
internal static class LongPerplexity
{
    public static JsonObject Run(GpuSetup setup)
    {
        DecoderConfig config = setup.IsSmall ? GpuModels.Rehearsal : GpuModels.OneBillion;
        int tokens = setup.IsSmall ? 512 : 131072;
        setup.Compute(Precision.Bfloat16).Prepare();
        using CausalLM model = GpuModels.Create(config, ScalarType.BFloat16, setup.Device, new());
        int[][] window = [[.. Enumerable.Range(0, tokens).Select(t => t * 31 % config.VocabSize)]];
        float[][] losses = [];
        double seconds = 0;
        long peak = setup.Memory.PeakDuring(() => seconds = setup.Seconds(() => losses = Scorer.Losses(model, window, tokens - 1)));
        double mean = losses[0].Average();
        return new()
        {
            ["tokens"] = tokens,
            ["window_seconds"] = Math.Round(seconds, 3),
            ["tokens_per_second"] = Math.Round(tokens / seconds, 1),
            ["peak_gib_beside_the_model"] = Math.Round(peak / (double)(1L << 30), 3),
            ["mean_loss"] = double.IsFinite(mean) ? Math.Round(mean, 4) : "NaN",
            ["passed"] = double.IsFinite(mean) && losses[0].Length == tokens - 1,
        };
    }
}
