using Skipwise.Kernels;
using Skipwise.Models;
using Skipwise.Storage;
using static TorchSharp.torch;

namespace Skipwise.Inference;

/// <summary>
/// Moves a model's matrices to memory on large pages, those of a layer end to end: one core reads that a quarter faster than the pages of
/// a mapped file, once per token. Parameters and quantized weights are then views of it; their old memory is freed layer by layer.
/// </summary>
internal static unsafe class LargePages
{
    private const string Setting = "/sys/kernel/mm/transparent_hugepage/enabled";
    private const long LeastBytes = 64 << 20, Line = 64; // smaller models stay in the processor's cache, or nearly

    private static readonly Lazy<bool> s_areThere = new(() =>
        OperatingSystem.IsLinux() && File.Exists(Setting) && !InputFile.ReadText(Setting).Contains("[never]", StringComparison.Ordinal));

    /// <summary>Moves the matrices if that can pay: on Linux with large pages, and not for small models.</summary>
    public static void Move(CausalLM model)
    {
        Tensor[][] groups = [.. model.Decoder.Layers.Select(layer => MatricesOf(layer).ToArray()), [model.HeadWeight]];
        if (s_areThere.Value && groups.Sum(group => group.Sum(Bytes)) >= LeastBytes)
        {
            foreach (IGrouping<ScalarType, Tensor> same in groups.SelectMany(group => group.GroupBy(tensor => tensor.dtype)))
            {
                Move([.. same]);
            }
        }
    }

    /// <summary>Moves tensors of one type to one block of memory, in this order.</summary>
    public static void Move(Tensor[] tensors)
    {
        using var scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        long size = tensors[0].element_size(), used;
        Tensor memory = empty((tensors.Sum(Bytes) + MemoryPages.HugePageSize) / size, tensors[0].dtype, CPU);
        using (TensorPointers pointers = new())
        {
            byte* start = pointers.ToBytes(memory);
            MemoryPages.AdviseHugePages(start, memory.numel() * size);
            used = (Line - ((long)start % Line)) % Line;
        }
        foreach (Tensor tensor in tensors)
        {
            Tensor place = memory.narrow(0, used / size, tensor.numel()).view(tensor.shape);
            place.copy_(tensor.detach());
            ParameterData.Set(tensor, place);
            used += Bytes(tensor);
        }
    }

    /// <summary>The matrices of a layer in the order in which a step reads them.</summary>
    private static IEnumerable<Tensor> MatricesOf(DecoderLayer layer)
    {
        (Attention attention, FeedForward feedForward) = (layer.Attention, layer.FeedForward);
        foreach (Projection? projection in (Projection?[])
            [attention.Query, attention.Key, attention.Value, attention.Output, feedForward.Gate, feedForward.Up, feedForward.Down])
        {
            switch (projection)
            {
                case null:
                    break;
                case { Quantized: { } quantized }:
                    yield return quantized.Codes;
                    yield return quantized.Scales;
                    break;
                default:
                    yield return projection.weight;
                    break;
            }
        }
    }

    private static long Bytes(Tensor tensor) => ((tensor.numel() * tensor.element_size()) + Line - 1) / Line * Line;
}
