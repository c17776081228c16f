using System.Text.Json.Nodes;
using Skipwise.Data;
using Skipwise.Models;
using Skipwise.Models.Lora;
using Skipwise.Training;
using Skipwise.Training.Optimizers;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Benchmarks.Gpu;

/// <summary>
/// One micro-batch's gradients by every way to save memory, and ten steps of every optimizer: the device against the CPU, in float32.
/// </summary>
internal static class GradientMatches
{
    private const double GradientBar = 1e-3, LossBar = 0.01;
    private static readonly LoraOptions s_lora = new() { Rank = 8, TrainNorms = true };

    public static JsonObject Run(GpuSetup setup)
    {
        (string Name, int CheckpointEvery, bool Packing, LoraOptions Lora)[] ways =
        [
            ("plain", 0, false, new()),
            ("checkpoint-every-layer", 1, false, new()),
            ("checkpoint-every-second-layer", 2, false, new()),
            ("packed", 0, true, new()),
            ("lora", 0, false, s_lora),
            ("lora-checkpoint-every-layer", 1, false, s_lora),
            ("lora-8bit", 0, false, s_lora with { QuantizationBits = 8 }),
            ("lora-4bit", 0, false, s_lora with { QuantizationBits = 4 }),
        ];
        JsonObject gradients = [], optimizers = [];
        double worst = 0, worstLoss = 0;
        foreach ((string name, int recomputeEvery, bool packing, LoraOptions lora) in ways)
        {
            double apart = Apart(Gradients(setup, CPU, 0, packing, lora), Gradients(setup, setup.Device, recomputeEvery, packing, lora));
            gradients[name] = Number(apart);
            worst = double.IsNaN(apart) ? double.PositiveInfinity : Math.Max(worst, apart);
        }
        IExampleSource source = LossCurves.Source(setup);
        foreach (OptimizerKind kind in Enum.GetValues<OptimizerKind>())
        {
            foreach (Offload offload in Enum.GetValues<Offload>())
            {
                int steps = setup.IsSmall ? 2 : 10;
                var options = new TrainOptions { Steps = steps, BatchSize = setup.BatchSize, Optimizer = kind, Offload = offload };
                double[] reference = LossCurves.Losses(source, new() { Device = "cpu" }, options);
                double[] losses = LossCurves.Losses(source, setup.Compute(), options);
                double apart = losses.Zip(reference, (ours, theirs) => Math.Abs(ours - theirs) / theirs).Max();
                optimizers[$"{kind}{(offload == Offload.None ? "" : "-offloaded")}".ToLowerInvariant()] = Number(apart);
                worstLoss = double.IsNaN(apart) ? double.PositiveInfinity : Math.Max(worstLoss, apart);
            }
        }
        return new()
        {
            ["largest_relative_gradient_difference"] = gradients,
            ["largest_relative_loss_difference"] = optimizers,
            ["passed"] = worst <= GradientBar && worstLoss <= LossBar,
        };
    }

    private static JsonNode Number(double value) => double.IsFinite(value) ? value : "NaN";

    private static Dictionary<string, float[]> Gradients(GpuSetup setup, Device device, int recomputeEvery, bool packing, LoraOptions lora)
    {
        DecoderConfig config = setup.IsSmall ? GpuModels.Rehearsal : BenchModels.Small();
        using CausalLM model = BenchModels.Create(config, lora);
        foreach ((string name, TorchSharp.Modules.Parameter parameter) in model.named_parameters())
        {
            if (name.Contains("lora_B", StringComparison.Ordinal))
            {
                using IDisposable noGradient = no_grad();
                parameter.fill_(0.01); // at 0, where training begins, the gradient of A would be 0 everywhere
            }
        }
        using var masters = MasterWeights.Create(model, ScalarType.Float32, device, offload: false);
        TrainingExample[] examples = [.. Enumerable.Range(0, 3).Select(row => Example(config, row, tokens: setup.IsSmall ? 48 : 512))];
        using (Batch batch = packing ? Batch.Packed(examples, device) : Batch.Padded(examples, device))
        using (NewDisposeScope())
        {
            CausalLoss.Backward(model, batch, divisor: batch.Tokens, recomputeEvery);
        }
        return masters.Entries.ToDictionary(weight => weight.Name, weight => weight.Parameter.grad!.cpu().data<float>().ToArray());
    }

    /// <summary>Tokens whose positions skip.</summary>
    private static TrainingExample Example(DecoderConfig config, int row, int tokens)
    {
        int[] ids = [.. Enumerable.Range(0, tokens).Select(t => ((t * 31) + (row * 7)) % config.VocabSize)];
        int[] positions = [.. Enumerable.Range(0, tokens).Select(t => t < tokens / 2 ? t : t + 1000 + (row * 333))];
        return new TrainingExample(ids, positions, ids);
    }

    /// <summary>The largest difference of a gradient's elements over its largest element, over all parameters.</summary>
    private static double Apart(Dictionary<string, float[]> reference, Dictionary<string, float[]> found) => reference.Max(gradient =>
    {
        double largest = gradient.Value.Max(Math.Abs);
        return gradient.Value.Zip(found[gradient.Key], (a, b) => Math.Abs((double)a - b)).Max() / Math.Max(largest, 1e-30);
    });
}
