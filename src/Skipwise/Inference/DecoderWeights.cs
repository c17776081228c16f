using Skipwise.Kernels;
using Skipwise.Kernels.Decoding;
using Skipwise.Models;
using Skipwise.Models.Lora;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Inference;

/// <summary>
/// A model's weights in the memory of its parameters, which stays valid until this is disposed. Norms and biases of another type than
/// float32 are converted once.
/// </summary>
internal sealed unsafe class DecoderWeights : IDisposable
{
    private const int VectorAlignment = 16; // columns of a quantized matrix: no vector crosses a block's border

    private readonly TensorPointers _pointers = new();

    private DecoderWeights(CausalLM model)
    {
        using var scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        (Decoder decoder, DecoderConfig config) = (model.Decoder, model.Config);
        Embedding = Matrix(decoder.Embedding.weight, null);
        EmbeddingScale = (float)decoder.Embedding.Scale;
        Layers = [.. decoder.Layers.Select(Layer)];
        FinalNorm = Norm(decoder.Norm);
        Head = Matrix(model.HeadWeight, model.HeadBiasWeight);
        if (config.NormalizedHead)
        {
            HeadLengths = Floats(model.HeadWeight.to(ScalarType.Float32).norm(1, keepdim: false, p: 2).clamp_min(1e-12));
        }
    }

    public DecodeMatrix Embedding { get; }

    public float EmbeddingScale { get; }

    public IReadOnlyList<DecoderLayerWeights> Layers { get; }

    public NormWeights FinalNorm { get; }

    public DecodeMatrix Head { get; }

    /// <summary>lengths of the head's rows, by which a normalized head's logits are divided: float32 [V]; null: none</summary>
    public float* HeadLengths { get; }

    /// <param name="moves">to memory that is read faster: see <see cref="LargePages"/></param>
    /// <returns>
    /// null if the weights are on another device or with another rank, or have a LoRA adapter that is not merged, another type than
    /// float32, bfloat16 and float16, gaps between their rows, or quantized rows whose length is not a multiple of 16
    /// </returns>
    public static DecoderWeights? TryRead(CausalLM model, bool moves)
    {
        if (!CanRead(model))
        {
            return null;
        }
        if (moves)
        {
            LargePages.Move(model);
        }
        return new DecoderWeights(model);
    }

    public void Dispose() => _pointers.Dispose();

    private static bool CanRead(CausalLM model) =>
        model.Residence is null && model.parameters().All(parameter => parameter.device_type == DeviceType.CPU
            && FormatOf(parameter.dtype) is not null && parameter.is_contiguous())
        && LoraInjector.Projections(model).All(named => named.Projection is { Lora: null } projection
            && (projection.Quantized is null || projection.Inputs % VectorAlignment == 0))
        && model.Decoder.Layers.All(layer => layer.FeedForward is var block // both are walked in the same units
            && (block.Gate is not { } gate
                || (gate.weight.dtype, gate.Quantized?.Bits) == (block.Up.weight.dtype, block.Up.Quantized?.Bits)));

    /// <returns>null for other types</returns>
    public static WeightFormat? FormatOf(ScalarType dtype) => dtype switch
    {
        ScalarType.Float32 => WeightFormat.Float32,
        ScalarType.BFloat16 => WeightFormat.BFloat16,
        ScalarType.Float16 => WeightFormat.Float16,
        _ => null,
    };

    private DecoderLayerWeights Layer(DecoderLayer layer)
    {
        (Attention attention, FeedForward feedForward) = (layer.Attention, layer.FeedForward);
        return new(Norm(layer.AttentionNorm), OptionalNorm(layer.FeedForwardNorm), OptionalNorm(attention.QueryNorm),
            OptionalNorm(attention.KeyNorm), Matrix(attention.Query), Matrix(attention.Key), Matrix(attention.Value),
            Matrix(attention.Output), feedForward.Gate is { } gate ? Matrix(gate) : null, Matrix(feedForward.Up),
            Matrix(feedForward.Down));
    }

    private NormWeights? OptionalNorm(nn.Module<Tensor, Tensor>? norm) => norm is null ? null : Norm(norm);

    private NormWeights Norm(nn.Module<Tensor, Tensor> norm) => norm switch
    {
        LayerNorm layer => new(Floats(layer.weight), Floats(layer.bias), (int)layer.weight.numel(), (float)layer.Eps),
        RmsNorm rms => new(Floats(rms.Options.Factor(rms.weight.to(ScalarType.Float32))), null, (int)rms.weight.numel(), rms.Options.Eps),
        _ => throw new InvalidOperationException($"{norm.GetType().Name} is no norm that is known here."),
    };

    private DecodeMatrix Matrix(Projection projection)
    {
        if (projection.Quantized is not { } quantized)
        {
            return Matrix(projection.weight, projection.bias);
        }
        WeightFormat format = quantized.Bits == 8 ? WeightFormat.Int8 : WeightFormat.NormalFloat4;
        return new(format, _pointers.ToBytes(quantized.Codes), _pointers.To<float>(quantized.Scales),
            projection.bias is { } bias ? Floats(bias) : null, projection.Outputs, projection.Inputs);
    }

    private DecodeMatrix Matrix(Tensor weight, Tensor? bias) => new(FormatOf(weight.dtype)!.Value, _pointers.ToBytes(weight), null,
        bias is null ? null : Floats(bias), (int)weight.size(0), (int)weight.size(1));

    private float* Floats(Tensor values) => _pointers.To<float>(values.detach().to(ScalarType.Float32).contiguous());
}
