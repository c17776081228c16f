using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Inference;
using Skipwise.Models;
using Skipwise.Models.Lora;
using Skipwise.Models.Quantization;
using Skipwise.Runtime;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Estimation;

/// <summary>Estimates the memory of a model that texts are asked of, from its configuration. Weights are not read.</summary>
public static class ServingEstimator
{
    private static readonly int?[] s_precisions = [null, 8, 4];

    /// <exception cref="SkipwiseException">a model that cannot be read, or a setting out of range</exception>
    /// <example>
    /// <code>
    /// ServingEstimate memory = ServingEstimator.Run(new() { Model = "qwen-2.5-7b-128k", ContextLength = 65536 });
    /// Console.WriteLine($"{memory.Weights[0].Texts[0]} texts at the same time");
    /// </code>
    /// </example>
    public static ServingEstimate Run(ServingEstimatorOptions options, IProgress<string>? note = null)
    {
        OptionCheck.Require("Estimate", options);
        HfConfig config = HfConfig.ForModel(options.Model);
        DecoderConfig model = options.Rope.Apply(config.Model);
        (Device device, ScalarType dtype) = options.Compute.Prepare(note);
        int length = options.ContextLength ?? model.MaxPositionEmbeddings;
        DeviceMemory memory = DeviceMemory.For(device);
        long available = options.Memory ?? memory.Total, process = memory.Reserved();
        long working = PagedCache.JoinedBytes(model, length, dtype);
        ServingCache[] caches =
        [
            .. Enum.GetValues<KvCacheType>()
                .Where(type => type != KvCacheType.Auto
                    && (type != KvCacheType.Int8 || KvPageLayout.CanQuantize(model.HeadDim)))
                .Select(type => Cache(type, KvPageLayout.Of(model, type, dtype), length)),
        ];
        long narrow = device.type == DeviceType.CPU && config.HasHalfPrecision ? sizeof(ushort) : dtype.ElementSize();
        using var layer = new CausalLM(model with { NumHiddenLayers = 1 }, device: new Device(DeviceType.META));
        ServingWeights Of(int? bits)
        {
            long bytes = WeightBytes(layer, bits, narrow, dtype.ElementSize()).Total(model.NumHiddenLayers);
            double left = (MemoryModel.UsableFraction * available) - process - working - bytes;
            return new(bits, bytes, [.. caches.Select(cache => (long)Math.Max(0, left / cache.BytesPerText))]);
        }
        return new(available, length, process, working, caches, [.. s_precisions.Select(Of)]);
    }

    private static ServingCache Cache(KvCacheType type, KvPageLayout layout, int length) =>
        new(type, layout.PageBytes / KvPageLayout.PageTokens, KvPageLayout.PagesFor(length) * layout.PageBytes);

    /// <param name="model">with one layer, without memory</param>
    /// <param name="bits">of the layer's matrices; null: not quantized</param>
    /// <param name="matrix">bytes of a matrix's element: on a CPU those of 16-bit files stay as they are</param>
    /// <param name="other">bytes of an element of norms and biases</param>
    internal static LayerBytes WeightBytes(CausalLM model, int? bits, long matrix, long other)
    {
        HashSet<string> quantized = bits is null ? []
            : [.. LoraInjector.Projections(model).Select(named => $"{named.Name}.{nameof(Projection.weight)}")];
        return LayerBytes.Sum(model.named_parameters().Select(named => (LayerSizes.IsOfLayer(named.name),
            quantized.Contains(named.name) ? QuantizedWeight.BytesOf(named.parameter.numel(), bits!.Value)
            : named.parameter.numel() * (named.parameter.dim() == 2 ? matrix : other))));
    }
}
