using Skipwise.Kernels;
using Skipwise.Models.Lora;
using Skipwise.Models.Quantization;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Models;

/// <summary>
/// A linear map y = x W^T + b. Its weights are uninitialized: a checkpoint or <see cref="WeightInit"/> fills them. It may have a LoRA
/// adapter, and its own weight may be quantized.
/// </summary>
internal sealed class Projection : nn.Module<Tensor, Tensor>, IParameterOwner
{
    private readonly int _inputs, _outputs;

    public Parameter weight { get; } // [out, in]; without elements once quantized
    public Parameter? bias { get; } // [out]

    public Projection(int inputs, int outputs, bool hasBias, ScalarType dtype, Device device)
        : this(inputs, outputs, hasBias, dtype, device, ParameterRole.Matrix)
    {
    }

    /// <param name="inputs">in</param>
    /// <param name="outputs">out</param>
    /// <param name="hasBias">whether there is a b</param>
    /// <param name="dtype">of both</param>
    /// <param name="device">of both</param>
    /// <param name="role">role in the model</param>
    /// <param name="addsToResidual">whether y is added to the residual stream</param>
    internal Projection(
        int inputs, int outputs, bool hasBias, ScalarType dtype, Device device, ParameterRole role, bool addsToResidual = false)
        : base(nameof(Projection))
    {
        (_inputs, _outputs, Role, AddsToResidual) = (inputs, outputs, role, addsToResidual);
        weight = new Parameter(empty(outputs, inputs, dtype: dtype, device: device));
        register_parameter(nameof(weight), weight);
        if (hasBias)
        {
            bias = new Parameter(empty(outputs, dtype: dtype, device: device));
            register_parameter(nameof(bias), bias);
        }
    }

    internal ParameterRole Role { get; }

    internal bool AddsToResidual { get; }

    ParameterRole IParameterOwner.Role => Role;

    bool IParameterOwner.AddsToResidual => AddsToResidual;

    /// <summary>the quantized weight; null while it is a parameter</summary>
    internal QuantizedWeight? Quantized { get; private set; }

    internal LoraLayer? Lora { get; private set; }

    /// <summary>elements of its input</summary>
    internal int Inputs => _inputs;

    /// <summary>elements of its output</summary>
    internal int Outputs => _outputs;

    /// <summary>elements of its matrices, quantized or not, the adapter's included</summary>
    internal long MatrixSize => ((long)_inputs * _outputs) + (Lora is null ? 0 : Lora.A.MatrixSize + Lora.B.MatrixSize);

    /// <summary>Adds a LoRA adapter as trainable parameters lora_A.weight [r, in] and lora_B.weight [out, r], uninitialized.</summary>
    internal LoraLayer AddLora(LoraOptions options, KeyedDropout masks, int index)
    {
        ScalarType dtype = weight.dtype;
        var a = new Projection(_inputs, options.Rank, hasBias: false, dtype, weight.device, ParameterRole.Adapter);
        var b = new Projection(options.Rank, _outputs, hasBias: false, dtype, weight.device, ParameterRole.Adapter);
        a.weight.DetachFromDisposeScope(); // they live as long as the model, in whatever scope it is adapted
        b.weight.DetachFromDisposeScope();
        register_module("lora_A", a);
        register_module("lora_B", b);
        return Lora = new LoraLayer(a, b, options.Scaling, options.Dropout, masks, index);
    }

    /// <summary>Freezes and quantizes the weight; frees the parameter's own memory.</summary>
    internal void Quantize(int bits)
    {
        QuantizedWeight packed = new(weight, bits);
        FreeWeight();
        Quantized = packed;
    }

    /// <summary>Quantizes a weight from elsewhere, after <see cref="FreeWeight"/>.</summary>
    /// <param name="values">[out, in]; stays the caller's</param>
    internal void Quantize(int bits, Tensor values) => Quantized = new QuantizedWeight(values, bits);

    /// <summary>Frees the parameter's memory before a weight to be quantized is read.</summary>
    internal void FreeWeight()
    {
        using IDisposable noGradient = no_grad();
        weight.requires_grad = false;
        using Tensor nothing = empty(0, dtype: weight.dtype, device: weight.device);
        weight.set_(nothing);
    }

    /// <summary>An uninitialized tensor [out, in] for a weight to be quantized.</summary>
    internal Tensor EmptyWeight() => empty(_outputs, _inputs, dtype: weight.dtype, device: weight.device);

    /// <param name="input">[..., in]</param>
    /// <param name="weight">[out, in], of the input's type or half precision</param>
    /// <param name="bias">[out]</param>
    /// <returns>[..., out]</returns>
    internal static Tensor Linear(Tensor input, Tensor weight, Tensor? bias) =>
        KernelSet.For(input).Linear(input, weight, bias);

    public override Tensor forward(Tensor input) => Forward(new Recomputable(input));

    /// <param name="input">[..., in]; what is trained may compute it again in the backward</param>
    /// <returns>[..., out]</returns>
    internal Tensor Forward(Recomputable input)
    {
        KernelSet kernels = KernelSet.For(input.Value);
        if (Quantized is null && Lora is null)
        {
            return kernels.Linear(input, weight, bias);
        }
        using var scope = NewDisposeScope();
        Tensor output = Quantized is null ? kernels.Linear(input, weight, bias)
            : kernels.QuantizedLinear(input.Value, Quantized.Dequantize);
        if (Quantized is not null && bias is not null)
        {
            output += bias;
        }
        return (Lora is null ? output : output + Lora.Forward(input)).MoveToOuterDisposeScope();
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Quantized?.Dispose();
        }
        base.Dispose(disposing);
    }
}
