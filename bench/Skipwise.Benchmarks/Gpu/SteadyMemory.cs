using System.Text.Json.Nodes;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Data;
using Skipwise.Runtime;
using Skipwise.Training;
using Skipwise.Training.Optimizers;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Benchmarks.Gpu;

/// <summary>
/// Five hundred steps in bfloat16: what the device's memory and the count of live tensors are after the first hundred, and at the end.
/// </summary>
internal static class SteadyMemory
{
    private const double Mebibyte = 1 << 20, Growth = 16; // MiB: the allocator takes memory in pieces of 2 to 20

    public static JsonObject Run(GpuSetup setup)
    {
        int steps = setup.IsSmall ? 5 : 500, first = steps / 5;
        (Device device, ScalarType dtype) = setup.Compute(Precision.Bfloat16).Prepare();
        IExampleSource source = LossCurves.Source(setup);
        using PretrainedModel shipped = LossCurves.LoadExtended();
        using var masters = MasterWeights.Create(shipped.Model, dtype, device, offload: false);
        var options = new TrainOptions { Steps = steps, BatchSize = setup.BatchSize };
        using var optimizer = Optimizer.Create(shipped.Model, options, masters);
        using IEnumerator<StepMetrics> run = TrainLoop.Run(shipped.Model, optimizer, source, options).GetEnumerator();
        (double, long) After(int count)
        {
            for (int step = 0; step < count; step++)
            {
                run.MoveNext();
            }
            return (setup.Memory.Allocated() / Mebibyte, run.Current.LiveTensors);
        }
        (double earlyMemory, long earlyTensors) = After(first);
        (double lateMemory, long lateTensors) = After(steps - first);
        return new()
        {
            ["steps"] = steps,
            ["memory_mib_early"] = Math.Round(earlyMemory, 1),
            ["memory_mib_late"] = Math.Round(lateMemory, 1),
            ["live_tensors_early"] = earlyTensors,
            ["live_tensors_late"] = lateTensors,
            ["passed"] = lateTensors == earlyTensors && (setup.IsSmall || lateMemory - earlyMemory <= Growth),
        };
    }
}
