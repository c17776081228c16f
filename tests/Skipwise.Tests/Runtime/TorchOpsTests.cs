using Skipwise.Numerics;
using Skipwise.Runtime;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Tests.Runtime;

/// <summary>Operations by libtorch's C interface, held against the same ones by TorchScript.</summary>
public sealed class TorchOpsTests
{
    [Theory]
    [InlineData(0.1, 1), InlineData(0, 1), InlineData(0.1, 0.37)]
    public void Fused_AdamW_makes_the_bits_that_TorchScript_makes(double decay, double scale)
    {
        const double rate = 3e-4, beta1 = 0.9, beta2 = 0.95, eps = 1e-8;
        long[][] shapes = [[], [1], [7], [3, 5], [64, 33], [100, 257]];
        using var scope = NewDisposeScope();
        using jit.CompilationUnit script = jit.compile($"""
            def update(w: List[Tensor], g: List[Tensor], m: List[Tensor], v: List[Tensor], t: List[Tensor], lr: Tensor, s: Tensor, i: Tensor):
                torch._foreach_add_(t, 1)
                e: List[Tensor] = []
                torch._fused_adamw_(w, g, m, v, e, t, lr=lr, beta1={beta1}, beta2={beta2}, weight_decay={decay:0.0}, eps={eps},
                    amsgrad=False, maximize=False, grad_scale=s, found_inf=i)

            """);
        Tensor[] Random(ulong seed) => [.. shapes.Select((shape, i) => Values(shape, seed + (ulong)i))];
        Tensor[] Zeros() => [.. shapes.Select(shape => zeros(shape))];
        Tensor[] ours = Random(1), theirs = [.. ours.Select(x => x.clone())], counts = [.. shapes.Select(_ => tensor(0f))];
        Tensor[] means = Zeros(), squares = Zeros(), theirMeans = Zeros(), theirSquares = Zeros();
        for (int step = 1; step <= 5; step++)
        {
            Tensor[] gradients = Random((ulong)step * 100), theirGradients = [.. gradients.Select(x => x.clone())];
            Tensor count = tensor((float)step);
            TorchOps.FusedAdamW(ours, gradients, means, squares, [.. shapes.Select(_ => count)], (float)rate, beta1, beta2, decay, eps,
                tensor((float)scale), tensor(0f));
            script.invoke("update", theirs, theirGradients, theirMeans, theirSquares, counts, tensor((float)rate), tensor((float)scale),
                tensor(0f));
            foreach ((Tensor our, Tensor their) in ours.Zip(theirs).Concat(means.Zip(theirMeans)).Concat(squares.Zip(theirSquares)))
            {
                Assert.True(our.Equals(their), $"step {step}, shape [{string.Join(", ", our.shape)}]");
            }
        }
        Assert.False(ours[^1].Equals(Random(1)[^1]));
    }

    [Fact]
    public void A_parameter_takes_data_of_another_type_and_shape()
    {
        using var parameter = new Parameter(zeros(3));
        using (Tensor data = tensor((double[])[1, 2]).view(2, 1).to(ScalarType.BFloat16))
        {
            TorchOps.SetData(parameter, data);
        }
        Assert.Equal((ScalarType.BFloat16, 2, true), (parameter.dtype, parameter.size(0), parameter.requires_grad));
        using Tensor sum = parameter.sum().to(ScalarType.Float32);
        Assert.Equal(3f, sum.ToSingle());
    }

    [Fact]
    public void What_libtorch_refuses_is_an_error()
    {
        using var parameter = new Parameter(zeros(3));
        using Tensor integers = zeros(3, ScalarType.Int64); // have no gradients
        Assert.Contains("set_data", Assert.Throws<InvalidOperationException>(() => TorchOps.SetData(parameter, integers)).Message);
        Assert.Equal(ScalarType.Float32, parameter.dtype);
    }

    private static Tensor Values(long[] shape, ulong seed)
    {
        var rng = new KeyedRandom(seed, 0, 0);
        float[] values = new float[shape.Aggregate(1L, (product, size) => product * size)];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = (float)((2 * rng.NextDouble()) - 1);
        }
        return tensor(values).view(shape);
    }
}
