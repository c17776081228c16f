using System.Diagnostics;
using System.Text.Json.Nodes;
using Skipwise.Inference;
using Skipwise.Models;
using Skipwise.Runtime;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Benchmarks.Gpu;

/// <summary>
/// Tokens per second, one text at a time in bfloat16, after a short prompt and after a long one; beside it what reading the weights once
/// per token allows.
/// </summary>
internal static class DecodeRate
{
    public static JsonObject Run(GpuSetup setup)
    {
        DecoderConfig config = setup.IsSmall ? GpuModels.Rehearsal : GpuModels.OneBillion;
        int tokens = setup.IsSmall ? 8 : 128;
        setup.Compute(Precision.Bfloat16).Prepare();
        using CausalLM model = GpuModels.Create(config, ScalarType.BFloat16, setup.Device, new());
        using IDisposable noGradient = no_grad();
        double bound = DeviceProbe.CopyRate(setup) / model.parameters().Sum(p => p.numel() * p.element_size());
        JsonObject found = new() { ["bound_by_weights"] = Math.Round(bound, 1) };
        foreach (int prompt in setup.IsSmall ? [16, 64] : (int[])[64, 2048, 16384])
        {
            int[] ids = [.. Enumerable.Range(0, prompt).Select(t => t * 31 % config.VocabSize)];
            Once(8); // kernels are chosen
            (double first, double rate) = Once(tokens);
            found[$"after_{prompt}"] = new JsonObject
            {
                ["first_token_seconds"] = Math.Round(first, 4),
                ["tokens_per_second"] = Math.Round(rate, 1),
            };

            (double First, double Rate) Once(int count)
            {
                double first = 0;
                var clock = Stopwatch.StartNew();
                TextGenerator.Generate(model, ids, new GenerationOptions { MaxNewTokens = count },
                    _ => first = first == 0 ? clock.Elapsed.TotalSeconds : first);
                return (first, (count - 1) / (clock.Elapsed.TotalSeconds - first));
            }
        }
        return found;
    }
}
