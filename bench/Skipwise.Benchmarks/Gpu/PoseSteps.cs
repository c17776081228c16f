using System.Text.Json.Nodes;
using Skipwise.Data;
using Skipwise.Models;
using Skipwise.Models.Lora;
using Skipwise.Positions;
using Skipwise.TokenStores;
using Skipwise.Training;
using Skipwise.Training.Optimizers;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Benchmarks.Gpu;

/// <summary>Steps of the training loop in bfloat16 with float32 masters, on windows of 2048 tokens for targets of 16k and 128k.</summary>
internal static class PoseSteps
{
    private const double LeastShare = 0.5, TargetsApart = 0.03;

    public static JsonObject Run(GpuSetup setup, DecoderConfig config, int batch, LoraOptions lora)
    {
        (config, batch) = setup.IsSmall ? (GpuModels.Rehearsal, 2) : (config, batch);
        int window = setup.IsSmall ? 64 : 2048;
        DeviceProbe.MatmulRate(setup, ScalarType.BFloat16, 256); // libtorch's own start is no part of what follows
        long before = setup.Memory.Reserved();
        using CausalLM model = Create(setup, config, lora);
        using var masters = MasterWeights.Create(model, ScalarType.BFloat16, setup.Device, offload: false);
        var options = new TrainOptions { BatchSize = batch, Steps = setup.IsSmall ? 3 : 13 };
        using var optimizer = Optimizer.Create(model, options, masters);
        var documents = GpuModels.Documents(config.VocabSize, 4 * batch, 2 * window);
        (double Seconds, double Loss, long Peak) near = Train(16384), far = Train(131072), again = Train(16384);
        double rate = DeviceProbe.MatmulRate(setup, ScalarType.BFloat16, setup.IsSmall ? 256 : 8192);
        double nearSeconds = Math.Min(near.Seconds, again.Seconds), share = StepFlops.Training(config, batch, window) / nearSeconds / rate;
        double slower = far.Seconds / nearSeconds, larger = far.Peak / (double)Math.Max(1, near.Peak);
        return new()
        {
            ["batch"] = batch,
            ["window"] = window,
            ["tokens_per_second"] = Math.Round(batch * window / nearSeconds, 1),
            ["step_seconds_16k"] = Math.Round(nearSeconds, 4),
            ["step_seconds_128k"] = Math.Round(far.Seconds, 4),
            ["time_128k_over_16k"] = Math.Round(slower, 4),
            ["memory_128k_over_16k"] = Math.Round(larger, 4),
            ["peak_gib"] = Math.Round((near.Peak - before) / (double)(1L << 30), 2),
            ["last_loss"] = double.IsFinite(again.Loss) ? Math.Round(again.Loss, 4) : "NaN",
            ["share_of_bfloat16_rate"] = Math.Round(share, 3),
            ["passed"] = double.IsFinite(again.Loss)
                && (setup.IsSmall || ((lora.IsEnabled || share >= LeastShare) && slower <= 1 + TargetsApart && larger <= 1 + TargetsApart)),
        };

        (double Seconds, double Loss, long Peak) Train(int target)
        {
            var pose = new PoseOptions { TrainLength = window, TargetLength = target };
            var source = new PoseDataset(documents, pose, seed: 1, bosId: null, minDocumentTokens: window);
            List<StepMetrics> steps = [];
            long held = setup.Memory.Allocated();
            long peak = held + setup.Memory.PeakDuring(() => steps.AddRange(TrainLoop.Run(model, optimizer, source, options)));
            double[] seconds = [.. steps.Skip(steps.Count > 4 ? 3 : 1).Select(step => step.Tokens / step.TokensPerSecond).Order()];
            return (seconds[seconds.Length / 2], steps[^1].Loss, peak);
        }
    }

    private static CausalLM Create(GpuSetup setup, DecoderConfig config, LoraOptions lora)
    {
        setup.Compute().Prepare();
        return GpuModels.Create(config, lora.IsEnabled ? ScalarType.BFloat16 : ScalarType.Float32, setup.Device, lora);
    }
}
