using System.Globalization;
using System.Runtime.Intrinsics.X86;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Runtime;

/// <summary>The type that a model computes in.</summary>
public enum Precision
{
    /// <summary>32-bit IEEE floating point</summary>
    Float32,
    /// <summary>float32's range, 8 bits of precision</summary>
    Bfloat16,
    /// <summary>11 bits of precision, up to 65504</summary>
    Float16,
}

/// <summary>Where and in which type a model computes.</summary>
public sealed record ComputeOptions
{
    /// <summary>cpu, cuda, or cuda:n for the GPU of that number; null takes a GPU if libtorch finds one</summary>
    public string? Device { get; init; }
    /// <summary>element type that the model computes in</summary>
    public Precision Dtype { get; init; }
    /// <summary>GPUs may multiply float32 matrices with 10 bits of precision (TF32), several times as fast</summary>
    public bool Tf32 { get; init; }

    /// <summary>Whether results depend on anything but the model: in float32 they are the same on all devices, up to rounding.</summary>
    public bool IsReducedPrecision => Dtype != Precision.Float32 || Tf32;

    /// <exception cref="SkipwiseException">there is no such device</exception>
    public void Validate() => _ = ResolveDevice(Device, Gpus);

    private static int Gpus => cuda.is_available() ? cuda.device_count() : 0;

    /// <summary>Finds the device and makes it ready.</summary>
    /// <param name="note">what a person should know about the choice</param>
    /// <exception cref="SkipwiseException">there is no such device</exception>
    public (Device Device, ScalarType Dtype) Prepare(IProgress<string>? note = null)
    {
        TorchRuntime.Initialize(); // a libtorch that cannot serve is told here, if nobody was told yet
        Device device = ResolveDevice(Device, Gpus);
        if (device.type == DeviceType.CUDA)
        {
            InitializeDevice(device);
            backends.cuda.matmul.allow_tf32 = backends.cudnn.allow_tf32 = Tf32;
        }
        else if (Warning(Dtype, ComputesBfloat16) is { } warning)
        {
            note?.Report($"warning: {warning}");
        }
        return (device,
            Dtype switch { Precision.Bfloat16 => ScalarType.BFloat16, Precision.Float16 => ScalarType.Float16, _ => ScalarType.Float32 });
    }

    /// <summary>The device of a name.</summary>
    /// <param name="gpus">that libtorch finds</param>
    /// <exception cref="SkipwiseException">there is no such device</exception>
    internal static Device ResolveDevice(string? name, int gpus)
    {
        if (name is null)
        {
            return gpus > 0 ? new Device(DeviceType.CUDA, 0) : CPU;
        }
        string[] parts = name.Split(':');
        int index = 0;
        bool isKnown = parts is ["cpu" or "cuda"]
            || (parts is ["cuda", var number] && int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out index));
        if (!isKnown)
        {
            throw new SkipwiseException($"--device {name}: expected cpu, cuda or cuda:n.");
        }
        if (name == "cpu" || index < gpus)
        {
            return name == "cpu" ? CPU : new Device(DeviceType.CUDA, index);
        }
        throw new SkipwiseException(gpus == 0
            ? $"--device {name}: libtorch finds no GPU. The packaged libtorch computes on the CPU alone: set SKIPWISE_LIBTORCH to the " +
                $"lib folder of a PyTorch {TorchRuntime.RequiredLibtorch} with CUDA, or leave --device out."
            : $"--device {name}: libtorch finds {gpus} GPU{(gpus == 1 ? "" : "s")}, counted from 0. Use one of cuda:0 to " +
                $"cuda:{gpus - 1}, or cpu.");
    }

    /// <summary>What to know before computing in a type on a CPU; null if nothing.</summary>
    internal static string? Warning(Precision dtype, bool computesBfloat16) => dtype switch
    {
        Precision.Float16 => "float16 on the CPU is many times slower than float32; it is for GPUs. Leave --dtype out, or use bfloat16.",
        Precision.Bfloat16 when !computesBfloat16 =>
            "this processor has no instructions for bfloat16 (AVX512-BF16 or AMX), so that it is slower than float32. Leave --dtype out.",
        _ => null,
    };

    /// <summary>Whether the processor multiplies bfloat16 numbers by itself.</summary>
    internal static bool ComputesBfloat16
    {
        get
        {
            const int features = 7, avx512 = 1 << 5, amx = 1 << 22;
            if (!X86Base.IsSupported)
            {
                return true; // other processors are not asked
            }
            bool isListed = X86Base.CpuId(0, 0).Eax >= features;
            return isListed && ((X86Base.CpuId(features, 1).Eax & avx512) != 0 || (X86Base.CpuId(features, 0).Edx & amx) != 0);
        }
    }
}
