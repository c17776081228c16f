using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Models;

/// <summary>(x - mean(x)) / sqrt(var(x) + eps) * weight + bias over the last dimension (Ba et al. 2016).</summary>
internal sealed class LayerNorm : nn.Module<Tensor, Tensor>, IParameterOwner
{
    public Parameter weight { get; } // [C]
    public Parameter bias { get; } // [C]

    internal double Eps { get; }

    ParameterRole IParameterOwner.Role => ParameterRole.Norm;

    public LayerNorm(int size, double eps, ScalarType dtype, Device device) : base(nameof(LayerNorm))
    {
        Eps = eps;
        weight = new Parameter(empty(size, dtype: dtype, device: device));
        bias = new Parameter(empty(size, dtype: dtype, device: device));
        register_parameter(nameof(weight), weight);
        register_parameter(nameof(bias), bias);
    }

    public override Tensor forward(Tensor input) => nn.functional.layer_norm(input, weight.shape, weight, bias, Eps);
}
