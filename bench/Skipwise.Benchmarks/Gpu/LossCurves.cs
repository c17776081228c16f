using System.Text.Json.Nodes;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Data;
using Skipwise.Models;
using Skipwise.Positions;
using Skipwise.Rope;
using Skipwise.Runtime;
using Skipwise.Tokenizers;
using Skipwise.TokenStores;
using Skipwise.Training;
using Skipwise.Training.Optimizers;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Benchmarks.Gpu;

/// <summary>The shipped model trained by PoSE on the CPU in float32, and on the device in every type: the losses side by side.</summary>
internal static class LossCurves
{
    private const double Bar = 0.01;

    public static JsonObject Run(GpuSetup setup)
    {
        int steps = setup.IsSmall ? 2 : 200;
        IExampleSource source = Source(setup);
        (string Name, ComputeOptions Compute)[] runs =
        [
            ("float32", setup.Compute()),
            ("bfloat16", setup.Compute(Precision.Bfloat16)),
            .. setup.IsSmall ? [] : new[] { ("tf32", setup.Compute(tf32: true)), ("float16", setup.Compute(Precision.Float16)) },
        ];
        var options = new TrainOptions { Steps = steps, BatchSize = setup.BatchSize };
        double[] reference = Losses(source, new ComputeOptions { Device = "cpu" }, options);
        JsonObject curves = new() { ["cpu"] = Rounded(reference) }, differences = [];
        double worst = 0;
        foreach ((string name, ComputeOptions compute) in runs)
        {
            double[] losses = Losses(source, compute, options);
            double apart = losses.Zip(reference, (ours, theirs) => Math.Abs(ours - theirs) / theirs).Max();
            curves[name] = Rounded(losses);
            differences[name] = double.IsFinite(apart) ? Math.Round(apart, 6) : "NaN";
            worst = double.IsNaN(apart) ? double.PositiveInfinity : Math.Max(worst, apart);
        }
        return new() { ["steps"] = steps, ["largest_relative_difference"] = differences, ["losses"] = curves, ["passed"] = worst <= Bar };
    }

    /// <summary>PoSE windows of the shipped model's length for eight times its window.</summary>
    public static IExampleSource Source(GpuSetup setup)
    {
        ITokenizer tokenizer = TokenizerLoader.Load(GpuSetup.ShippedModel);
        const int window = 128, target = 8 * window;
        IEnumerable<string> texts = GpuModels.Chronicles(tokenizer, setup.IsSmall ? 8 : 64, 2 * window);
        var documents = new TokenList([.. texts.Select(text => tokenizer.Encode(text))]);
        var pose = new PoseOptions { TrainLength = window, TargetLength = target };
        return new PoseDataset(documents, pose, seed: 1, bosId: 1, minDocumentTokens: window);
    }

    /// <summary>The loss before every step.</summary>
    public static double[] Losses(IExampleSource source, ComputeOptions compute, TrainOptions options)
    {
        (Device device, ScalarType dtype) = compute.Prepare();
        using PretrainedModel shipped = LoadExtended();
        using var masters = MasterWeights.Create(shipped.Model, dtype, device, options.Offload == Offload.Optimizer);
        using var optimizer = Optimizer.Create(shipped.Model, options, masters);
        options = options with { LearningRate = 2e-4, LearningRateDecay = LearningRateDecay.Constant };
        return [.. TrainLoop.Run(shipped.Model, optimizer, source, options).Select(step => step.Loss)];
    }

    /// <summary>The shipped model for eight times its window.</summary>
    public static PretrainedModel LoadExtended() =>
        PretrainedModel.Load(new ModelSource(GpuSetup.ShippedModel, new RopeOverrides { Type = RopeType.Linear, Factor = 8 }));

    private static JsonArray Rounded(double[] losses) =>
        [.. losses.Select(loss => (JsonNode)(double.IsFinite(loss) ? Math.Round(loss, 5) : "NaN"))];
}
