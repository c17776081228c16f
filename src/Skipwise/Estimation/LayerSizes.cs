using Skipwise.Models;
using Skipwise.Models.Lora;
using Skipwise.Models.Quantization;
using Skipwise.Training;
using Skipwise.Training.Optimizers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Estimation;

/// <summary>
/// A model's embedding, head and one of its layers on libtorch's meta device, whose tensors have a shape and no memory: the sizes of a
/// model that is far too large for this machine are counted too.
/// </summary>
internal sealed class LayerSizes : IDisposable
{
    private const string LayerPrefix = "model.layers.";
    private readonly Optimizer _optimizer;

    /// <param name="config">of the whole model</param>
    /// <param name="lora">its LoRA adapters</param>
    /// <param name="compute">device and element type of the run</param>
    /// <param name="offload">master weights and optimizer state stay in host memory</param>
    public LayerSizes(
        DecoderConfig config, LoraOptions lora, OptimizerKind optimizer, (Device Device, ScalarType Dtype) compute, bool offload)
    {
        (Config, Lora, Optimizer, Compute, Offloads) = (config, lora, optimizer, compute, offload);
        IsSliding = 2 * config.FirstSlidingLayer <= config.NumHiddenLayers;
        Model = new CausalLM(OneLayer, device: new Device(DeviceType.META));
        if (lora.IsEnabled)
        {
            LoraInjector.Apply(Model, lora with { QuantizationBits = null }, seed: 0); // codes need values, their bytes do not
        }
        _optimizer = Training.Optimizers.Optimizer.Create(Model, new TrainOptions { Optimizer = optimizer }, MasterWeights.Create(Model));
    }

    /// <summary>Configuration of the whole model.</summary>
    public DecoderConfig Config { get; }

    public LoraOptions Lora { get; }

    public OptimizerKind Optimizer { get; }

    /// <summary>Device and element type of the run.</summary>
    public (Device Device, ScalarType Dtype) Compute { get; }

    /// <summary>Whether master weights and optimizer state stay in host memory.</summary>
    public bool Offloads { get; }

    /// <summary>Whether the layer has the model's sliding window: it is of the more frequent kind.</summary>
    public bool IsSliding { get; }

    /// <summary>Configuration of the model with one layer.</summary>
    public DecoderConfig OneLayer => Config with { NumHiddenLayers = 1, FirstSlidingLayer = IsSliding ? 0 : 1 };

    /// <summary>The model with one layer, without memory.</summary>
    public CausalLM Model { get; }

    public bool IsQuantized => Lora.QuantizationBits is not null;

    /// <summary>Elements of the layer's matrices, LoRA's included.</summary>
    public long LayerMatrices => LoraInjector.Projections(Model).Sum(p => p.Projection.MatrixSize);

    /// <summary>Bytes of an element of the computation.</summary>
    public int Width => (int)Compute.Dtype.ElementSize();

    public LayerBytes Weights
    {
        get
        {
            HashSet<string> quantized = Lora.QuantizationBits is null ? []
                : [.. LoraInjector.Projections(Model).Select(p => $"{p.Name}.{nameof(Projection.weight)}")];
            return LayerBytes.Sum(Model.named_parameters().Select(p => (IsOfLayer(p.name), quantized.Contains(p.name)
                ? QuantizedWeight.BytesOf(p.parameter.numel(), Lora.QuantizationBits!.Value) : p.parameter.numel() * Width)));
        }
    }

    /// <summary>Bytes of the trained parameters, which are those of their gradients.</summary>
    public LayerBytes Trained => TrainedOf(Width);

    /// <summary>Bytes of the optimizer state, float32 master weights included.</summary>
    public LayerBytes OptimizerState
    {
        get
        {
            var state = LayerBytes.Sum(
                _optimizer.State().Select(s => (IsOfLayer(s.Name), s.Value.numel() * s.Value.element_size())));
            return Offloads || Compute.Dtype != ScalarType.Float32 ? state + TrainedOf(sizeof(float)) : state;
        }
    }

    /// <summary>Bytes of all weights of the model with one layer in float32, in which it is created.</summary>
    public long Created => Model.parameters().Sum(parameter => parameter.numel()) * sizeof(float);

    /// <summary>Whether a parameter of <see cref="Model"/> belongs to its layer.</summary>
    public static bool IsOfLayer(string name) => name.Contains(LayerPrefix, StringComparison.Ordinal);

    public void Dispose()
    {
        _optimizer.Dispose();
        Model.Dispose();
    }

    private LayerBytes TrainedOf(int width) => LayerBytes.Sum(Model.named_parameters().Where(p => p.parameter.requires_grad)
        .Select(p => (IsOfLayer(p.name), p.parameter.numel() * width)));
}
