using System.Diagnostics;
using Skipwise.Estimation;
using Skipwise.Runtime;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Benchmarks.Gpu;

/// <summary>Where the checks run, and how large they are.</summary>
/// <param name="Device">the device under test; the rehearsal takes the CPU</param>
/// <param name="IsSmall">sizes of a rehearsal on two cores, where only the course of the checks is tested</param>
/// <param name="Fixtures">folder of model fixtures with the original code's logits</param>
internal sealed record GpuSetup(Device Device, bool IsSmall, string Fixtures)
{
    public static string ShippedModel => Path.Combine(AppContext.BaseDirectory, "models", "skipwise-tiny");

    public string DeviceName => Device.type == DeviceType.CPU ? "cpu" : $"cuda:{Math.Max(0, Device.index)}";

    /// <summary>Windows per step: one in a rehearsal, where bfloat16 may be emulated.</summary>
    public int BatchSize => IsSmall ? 1 : 8;

    public DeviceMemory Memory => DeviceMemory.For(Device);

    public ComputeOptions Compute(Precision dtype = Precision.Float32, bool tf32 = false) =>
        new() { Device = DeviceName, Dtype = dtype, Tf32 = tf32 };

    /// <summary>Wall clock of some work, the device's own included.</summary>
    public double Seconds(Action work)
    {
        Wait();
        var clock = Stopwatch.StartNew();
        work();
        Wait();
        return clock.Elapsed.TotalSeconds;
    }

    private void Wait()
    {
        if (Device.type == DeviceType.CUDA)
        {
            cuda.synchronize(Device);
        }
    }
}
