using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Models;

/// <summary>A linear map y = x W^T + b whose weights are left uninitialised: a checkpoint or <see cref="WeightInit"/> fills them.</summary>
public sealed class Projection : nn.Module<Tensor, Tensor>
{
    public Parameter weight { get; } // [out, in]
    public Parameter? bias { get; } // [out]

    public Projection(int inputs, int outputs, bool hasBias, ScalarType dtype, Device device) : base(nameof(Projection))
    {
        weight = new Parameter(empty(outputs, inputs, dtype: dtype, device: device));
        register_parameter(nameof(weight), weight);
        if (hasBias)
        {
            bias = new Parameter(empty(outputs, dtype: dtype, device: device));
            register_parameter(nameof(bias), bias);
        }
    }

    public override Tensor forward(Tensor input) => nn.functional.linear(input, weight, bias);
}
