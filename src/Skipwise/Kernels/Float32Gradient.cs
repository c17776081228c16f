using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Kernels;

/// <summary>
/// Accumulator of a parameter's gradient: sums in float32 and rounds to the parameter's type once, at the end. It belongs to the dispose
/// scope that it is created in.
/// </summary>
internal sealed class Float32Gradient
{
    private readonly Parameter _parameter;
    private readonly Tensor _sum; // for a float32 parameter, its gradient itself
    private readonly Tensor? _piece; // for a half-precision one, a product before it is added

    /// <param name="parameter">its gradient so far is part of the sum</param>
    public Float32Gradient(Parameter parameter)
    {
        using IDisposable noGradient = no_grad();
        _parameter = parameter;
        if (parameter.dtype != ScalarType.Float32)
        {
            _sum = parameter.grad?.to(ScalarType.Float32) ?? zeros(parameter.shape, ScalarType.Float32, parameter.device);
            _piece = empty_like(parameter);
            parameter.grad = null;
        }
        else
        {
            _sum = parameter.grad ?? zeros_like(parameter);
            parameter.grad = _sum;
        }
    }

    /// <summary>Adds a b times <paramref name="scale"/>.</summary>
    public void AddMatmul(Tensor a, Tensor b, float scale)
    {
        if (_piece is null)
        {
            _sum.addmm_(a, b, beta: 1, alpha: scale);
        }
        else
        {
            _sum.add_(_piece.addmm_(a, b, beta: 0, alpha: scale));
        }
    }

    /// <summary>Adds the gradient that a backward left in a half-precision parameter; a float32 one accumulates in place.</summary>
    public void AddParameterGradient()
    {
        if (_piece is not null && _parameter.grad is { } fresh)
        {
            using IDisposable noGradient = no_grad();
            _sum.add_(fresh);
            _parameter.grad = null;
        }
    }

    /// <summary>Sets the parameter's gradient to the sum.</summary>
    public void Assign()
    {
        if (_piece is not null)
        {
            _parameter.grad = _sum.to(_parameter.dtype);
        }
    }
}
