using Skipwise.Kernels;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Models;

/// <summary>x / sqrt(mean(x^2) + eps) * weight over the last dimension (Zhang, Sennrich 2019), in float32 whatever the input's
/// type.</summary>
internal sealed class RmsNorm : nn.Module<Tensor, Tensor>, IParameterOwner
{
    private readonly RmsNormOptions _options;
    public Parameter weight { get; } // [C]

    internal RmsNormOptions Options => _options;

    ParameterRole IParameterOwner.Role => ParameterRole.Norm;

    /// <param name="around">added to the weight: the factor of a weight of 0</param>
    public RmsNorm(int size, double eps, ScalarType dtype, Device device, double around = 0) : base(nameof(RmsNorm))
    {
        _options = new(size, eps, around);
        weight = new Parameter(empty(size, dtype: dtype, device: device));
        register_parameter(nameof(weight), weight);
    }

    public override Tensor forward(Tensor input) => KernelSet.For(input).RmsNorm(input, weight, _options);
}
