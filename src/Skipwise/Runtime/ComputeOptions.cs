using System.Globalization;
using System.Runtime.Intrinsics.X86;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Runtime;

/// <summary>Element type of a model's computation.</summary>
public enum Precision
{
    /// <summary>32-bit IEEE floating point</summary>
    Float32,
    /// <summary>bfloat16: float32's range, 8 bits of precision</summary>
    Bfloat16,
    /// <summary>float16: 11 bits of precision, up to 65504</summary>
    Float16,
}

/// <summary>Device and element type of a model's computation.</summary>
public sealed record ComputeOptions
{
    /// <summary>cpu, cuda, or cuda:n for the GPU of that number; null takes a GPU if libtorch finds one</summary>
    public string? Device { get; init; }
    /// <summary>element type of the computation</summary>
    public Precision Dtype { get; init; }
    /// <summary>GPUs may multiply float32 matrices with 10 bits of precision (TF32), several times as fast</summary>
    public bool Tf32 { get; init; }

    /// <summary>Whether results depend on more than the model: in float32 all devices agree up to rounding.</summary>
    public bool IsReducedPrecision => Dtype != Precision.Float32 || Tf32;

    /// <exception cref="SkipwiseException">there is no such device</exception>
    public void Validate() => _ = ResolveDevice(Device, Gpus);

    private static int Gpus => cuda.is_available() ? cuda.device_count() : 0;

    /// <summary>Resolves the device and initializes it.</summary>
    /// <param name="note">receives warnings about the choice</param>
    /// <exception cref="SkipwiseException">there is no such device</exception>
    public (Device Device, ScalarType Dtype) Prepare(IProgress<string>? note = null)
    {
        TorchRuntime.Initialize(); // reports an unusable libtorch here, if it was not reported before
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

    /// <summary>Parses a device name.</summary>
    /// <param name="gpus">number of GPUs that libtorch finds</param>
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
            throw new SkipwiseException($"{OptionName.Of(nameof(ComputeOptions.Device))} {name}: expected cpu, cuda or cuda:n.");
        }
        if (name == "cpu" || index < gpus)
        {
            return name == "cpu" ? CPU : new Device(DeviceType.CUDA, index);
        }
        throw new SkipwiseException(gpus == 0
            ? $"{OptionName.Of(nameof(ComputeOptions.Device))} {name}: libtorch finds no GPU. The packaged libtorch computes on the CPU " +
                $"alone: set SKIPWISE_LIBTORCH to the lib folder of a PyTorch {TorchRuntime.RequiredLibtorch} with CUDA, or leave " +
                $"{OptionName.Of(nameof(ComputeOptions.Device))} out."
            : $"{OptionName.Of(nameof(ComputeOptions.Device))} {name}: libtorch finds {gpus} GPU{(gpus == 1 ? "" : "s")}, counted " +
                $"from 0. Use one of cuda:0 to cuda:{gpus - 1}, or cpu.");
    }

    /// <summary>Warning about an element type on the CPU; null if there is none.</summary>
    internal static string? Warning(Precision dtype, bool computesBfloat16) => dtype switch
    {
        Precision.Float16 => "float16 on the CPU is many times slower than float32; it is for GPUs. Leave " +
            $"{OptionName.Of(nameof(ComputeOptions.Dtype))} out, or use bfloat16.",
        Precision.Bfloat16 when !computesBfloat16 =>
            "this processor has no instructions for bfloat16 (AVX512-BF16 or AMX), so that it is slower than float32. Leave " +
            $"{OptionName.Of(nameof(ComputeOptions.Dtype))} out.",
        _ => null,
    };

    /// <summary>Whether the processor has bfloat16 matrix instructions.</summary>
    internal static bool ComputesBfloat16 => !X86Base.IsSupported || HasInstructions; // not detected on other processors

    /// <summary>Whether libtorch's kernels multiply bfloat16 by instructions for it: the processor is known to have them, and the settings
    /// of .NET and libtorch do not exclude them.</summary>
    internal static bool HasBfloat16Instructions => X86Base.IsSupported && Avx512F.IsSupported && HasInstructions
        && Environment.GetEnvironmentVariable("ATEN_CPU_CAPABILITY") is null or "avx512";

    private static bool HasInstructions
    {
        get
        {
            const int features = 7, avx512 = 1 << 5, amx = 1 << 22;
            bool isListed = X86Base.CpuId(0, 0).Eax >= features;
            return isListed && ((X86Base.CpuId(features, 1).Eax & avx512) != 0 || (X86Base.CpuId(features, 0).Edx & amx) != 0);
        }
    }
}
