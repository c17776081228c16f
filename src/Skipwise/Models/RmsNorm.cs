using Skipwise.Kernels;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Models;

/// <summary>x / sqrt(mean(x^2) + eps) * weight over the last dimension (Zhang, Sennrich 2019), in float32 whatever the input's type.</summary>
public sealed class RmsNorm : nn.Module<Tensor, Tensor>, IParameterOwner
{
    // Kept: TorchSharp boxes a number in a temporary that the collector may take while the kernel still reads it.
    private readonly Scalar _eps, _around, _size;
    private readonly float _epsNumber;
    private readonly bool _isAroundZero;
    public Parameter weight { get; } // [C]

    ParameterRole IParameterOwner.Role => ParameterRole.Norm;

    /// <param name="around">added to the weight: what a weight of 0 stands for</param>
    public RmsNorm(int size, double eps, ScalarType dtype, Device device, double around = 0) : base(nameof(RmsNorm))
    {
        (_eps, _around, _size, _epsNumber, _isAroundZero) = (eps.ToScalar(), around.ToScalar(), size.ToScalar(), (float)eps, around == 0);
        weight = new Parameter(empty(size, dtype: dtype, device: device));
        register_parameter(nameof(weight), weight);
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        if (FusedKernels.UsesFusedBackward(input))
        {
            return RmsNormFunction.apply(input, _isAroundZero ? weight : weight.add(_around), _eps, _size, _epsNumber).MoveToOuterDisposeScope();
        }
        if (FusedKernels.CanRunWithoutGraph(input, weight))
        {
            return Avx512Ops.RmsNorm(input, _isAroundZero ? weight : weight.add(_around), _epsNumber).Normed.MoveToOuterDisposeScope();
        }
        if (TorchKernels.AreUsed(input.device))
        {
            return TorchKernels.RmsNorm(input, weight, _eps, _isAroundZero ? null : _around).MoveToOuterDisposeScope();
        }
        Tensor x = input.to(ScalarType.Float32);
        Tensor scale = (x * x).mean([-1L], keepdim: true).add(_eps).rsqrt();
        // in half precision the order of rounding is the family's: Llama's weight is multiplied after it, Gemma's before
        Tensor normed = _isAroundZero ? (x * scale).to(input.dtype).mul(weight) : (x * scale).mul(weight.to(ScalarType.Float32).add(_around)).to(input.dtype);
        return normed.MoveToOuterDisposeScope();
    }
}
