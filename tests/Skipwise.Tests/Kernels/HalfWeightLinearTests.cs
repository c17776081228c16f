using Skipwise.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Kernels;

/// <summary>A product with 16-bit weights against one with the same numbers in float64.</summary>
public sealed class HalfWeightLinearTests
{
    public static TheoryData<int, int, int> Sizes => new()
    {
        { 1, 1, 1 }, { 1, 7, 3 }, { 1, 64, 31 }, { 2, 33, 32 }, { 3, 257, 33 }, { HalfWeightLinear.RowwiseLimit, 1024, 70 },
        { HalfWeightLinear.RowwiseLimit + 1, 100, 65 }, { 40, 48, 9 },
    };

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Is_the_product_of_the_widened_weight(int rows, int inputs, int outputs)
    {
        using var scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        foreach (ScalarType type in (ScalarType[])[ScalarType.BFloat16, ScalarType.Float16])
        {
            Tensor x = randn(rows, inputs), weight = randn(outputs, inputs).to(type), bias = randn(outputs);
            Tensor exact = x.to(ScalarType.Float64).matmul(weight.to(ScalarType.Float64).t()),
                size = x.abs().to(ScalarType.Float64).matmul(weight.abs().to(ScalarType.Float64).t());
            Assert.InRange(((KernelSet.Cpu.Linear(x, weight, null) - exact).abs() / size).max().ToDouble(), 0, 1e-6);
            Assert.InRange(((KernelSet.Cpu.Linear(x, weight, bias) - (exact + bias)).abs() / (size + bias.abs())).max().ToDouble(), 0,
                1e-6);
            if (rows > HalfWeightLinear.RowwiseLimit)
            {
                Assert.True(KernelSet.Cpu.Linear(x, weight, bias).Equals(nn.functional.linear(x, weight.to(ScalarType.Float32), bias)));
            }
        }
    }

    [Theory]
    [InlineData(1), InlineData(4), InlineData(30)]
    public void Takes_any_number_of_dimensions_and_rows_that_do_not_lie_together(int tokens)
    {
        using var scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        Tensor x = randn(2, 24, tokens).transpose(1, 2), weight = randn(10, 24).to(ScalarType.BFloat16);
        Tensor found = KernelSet.Cpu.Linear(x, weight, null);
        Assert.Equal([2, tokens, 10], found.shape);
        Assert.InRange((found - nn.functional.linear(x, weight.to(ScalarType.Float32))).abs().max().ToDouble(), 0, 1e-5);
    }

    [Fact]
    public void A_gradient_goes_through_to_its_input()
    {
        using var scope = NewDisposeScope();
        Tensor x = randn(3, 20).requires_grad_(), weight = randn(7, 20).to(ScalarType.Float16);
        KernelSet.Cpu.Linear(x, weight, null).sum().backward();
        Assert.InRange((x.grad! - weight.to(ScalarType.Float32).sum([0L])).abs().max().ToDouble(), 0, 1e-6);
    }
}
