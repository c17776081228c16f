using System.Text.Json.Nodes;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Benchmarks.Gpu;

/// <summary>Whether libtorch starts on the device, and the bounds that everything else is measured against.</summary>
internal static class DeviceProbe
{
    private const double Giga = 1e9;

    public static JsonObject Run(GpuSetup setup)
    {
        setup.Compute().Prepare();
        long size = setup.IsSmall ? 256 : 8192;
        JsonObject found = new()
        {
            ["device"] = setup.DeviceName,
            ["memory_gib"] = Math.Round(setup.Memory.Total / (double)(1L << 30), 1),
            ["matmul_gflops_float32"] = Math.Round(MatmulRate(setup, ScalarType.Float32, size) / Giga, 1),
            ["matmul_gflops_bfloat16"] = Math.Round(MatmulRate(setup, ScalarType.BFloat16, size) / Giga, 1),
            ["copy_gb_per_second"] = Math.Round(CopyRate(setup) / Giga, 1),
        };
        setup.Compute(tf32: true).Prepare();
        found["matmul_gflops_tf32"] = Math.Round(MatmulRate(setup, ScalarType.Float32, size) / Giga, 1);
        return found;
    }

    /// <summary>FLOPs per second of square products of random numbers: zeros would run faster than work does.</summary>
    public static double MatmulRate(GpuSetup setup, ScalarType dtype, long size)
    {
        const int products = 10;
        using IDisposable noGradient = no_grad();
        using var scope = NewDisposeScope();
        Tensor Random() => randn(size, size, device: setup.Device).to(dtype);
        Tensor a = Random(), b = Random(), c = empty_like(a);
        void Multiply()
        {
            for (int i = 0; i < products; i++)
            {
                c.addmm_(a, b, beta: 0, alpha: 1);
            }
        }
        Multiply();
        return products * 2.0 * size * size * size / setup.Seconds(Multiply);
    }

    /// <summary>Bytes read and written per second by a copy within the device.</summary>
    public static double CopyRate(GpuSetup setup)
    {
        long bytes = setup.IsSmall ? 1 << 24 : 1L << 32;
        using var scope = NewDisposeScope();
        Tensor from = ones(bytes / sizeof(float), device: setup.Device), to = empty_like(from);
        to.copy_(from);
        return 2.0 * bytes / setup.Seconds(() => to.copy_(from));
    }
}
