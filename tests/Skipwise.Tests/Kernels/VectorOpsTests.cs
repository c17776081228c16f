using System.Runtime.Intrinsics;
using Skipwise.Kernels;
using Skipwise.Models;
using Skipwise.Rope;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Kernels;

/// <summary>
/// Each function in one pass, of every width of vector, against libtorch's formula in float64 of the same numbers, with autograd's
/// gradients. bfloat16 results are rounded once, to eight bits.
/// </summary>
public class VectorOpsTests
{
    private const float MinExponent = VectorMath<Lanes128, Vector128<float>>.MinExponent;

    [Theory]
    [InlineData(1, 16), InlineData(3, 7), InlineData(50, 320), InlineData(33, 100), InlineData(700, 65), InlineData(1, 4096)]
    public void Rms_norm(int rows, int columns) => VectorFunctions.OfEachWidthAndType(on =>
    {
        using var scope = NewDisposeScope();
        Tensor x = on.Random(2, rows, columns), weight = randn(columns), gradient = on.Random(2, rows, columns);
        (Tensor normed, Tensor scale) = on.RmsNorm(x, weight, 1e-5f, false);
        (Tensor roundedTwice, _) = on.RmsNorm(x, weight, 1e-5f, true);
        (Tensor dX, Tensor dWeight) = on.RmsNormBackward(gradient, x, weight, scale);

        (Tensor wide, Tensor by) = (Leaf(x), Leaf(weight));
        Tensor plain = wide * ((wide * wide).mean([-1L], keepdim: true) + 1e-5).rsqrt() * by;
        IList<Tensor> expected = autograd.grad([plain], [wide, by], [gradient.to(ScalarType.Float64)]);
        Near(plain, normed);
        using (no_grad())
        {
            Tensor first = (x.to(ScalarType.Float32) * scale.view(2, rows, 1)).to(on.Dtype);
            Assert.True((first.to(ScalarType.Float32) * weight).to(on.Dtype).equal(roundedTwice).all().ToBoolean());
        }
        Near(expected[0], dX);
        Near(expected[1], dWeight);
    });

    [Theory]
    [InlineData(16), InlineData(17), InlineData(1000), InlineData(70001)]
    public void Gated_silu(int numbers) => VectorFunctions.OfEachWidthAndType(on =>
    {
        using var scope = NewDisposeScope();
        Tensor gate = on.Random(numbers) * 30, up = on.Random(numbers), gradient = on.Random(numbers); // some gates are beyond e^88
        (gate[0], gate[1], gate[2]) = (200, -200, 0);
        Tensor gated = on.GatedSilu(gate, up);
        (Tensor dGate, Tensor dUp) = on.GatedSiluBackward(gradient, gate, up);

        (Tensor z, Tensor u) = (Leaf(gate), Leaf(up));
        Tensor plain = nn.functional.silu(z) * u;
        IList<Tensor> expected = autograd.grad([plain], [z, u], [gradient.to(ScalarType.Float64)]);
        Near(plain, gated);
        Near(expected[0], dGate);
        Near(expected[1], dUp);
    });

    [Theory]
    [InlineData(1, 20), InlineData(5, 16), InlineData(9, 1001), InlineData(64, 8192)]
    public void Cross_entropy(int rows, int columns) => VectorFunctions.OfEachWidthAndType(on =>
    {
        using var scope = NewDisposeScope();
        Tensor scores = on.Random(rows, columns) * 10, labels = randint(0, columns, [rows], ScalarType.Int64);
        scores[0] += 500; // e^500 has no float
        Tensor wide = Leaf(scores);
        Tensor plain = nn.functional.cross_entropy(wide, labels, reduction: nn.Reduction.None);
        Tensor expected = autograd.grad([plain], [wide], [ones_like(plain)])[0];
        Tensor losses = on.CrossEntropy(scores, labels);
        Near(plain, losses, 1e-4);
        Near(expected, scores, 3e-5); // at 500, a float's last place is 3e-5
    });

    [Theory]
    [InlineData(RotaryLayout.RotateHalf, 64, 64, 1), InlineData(RotaryLayout.RotateHalf, 64, 24, 2),
        InlineData(RotaryLayout.Interleaved, 64, 64, 2), InlineData(RotaryLayout.Interleaved, 40, 36, 1),
        InlineData(RotaryLayout.RotateHalf, 10, 10, 1)]
    public void Rotation_and_back(RotaryLayout pairs, int dim, int rotary, int rowsOfPositions) => VectorFunctions.OfEachWidthAndType(on =>
    {
        using var scope = NewDisposeScope();
        Tensor x = on.Random(2, 300, 3, dim),
            turn = polar(ones(rowsOfPositions, 300, 1, rotary / 2), rand(rowsOfPositions, 300, 1, rotary / 2) * 6);
        Tensor turned = on.Rotate(x, turn, pairs, false), back = on.Rotate(turned, turn, pairs, true);
        var plain = (CpuKernels)KernelSet.Cpu;
        Near(plain.RotateForward(x.to(ScalarType.Float32), turn, pairs), turned);
        Near(plain.RotateBackward(turned.to(ScalarType.Float32), turn, pairs), back);
        Assert.InRange((x - back).abs().max().ToDouble(), 0, on.Dtype == ScalarType.Float32 ? 1e-5 : 0.05); // rounded twice
    });

    [Fact]
    public void E_to_the_x() => VectorFunctions.OfEachWidth(on =>
    {
        for (float x = MinExponent; x < 88; x += 0.00731f)
        {
            double exact = Math.Exp(x);
            Assert.InRange(on.Exp(x)[3], exact * (1 - 2.5e-7), exact * (1 + 2.5e-7));
        }
        Assert.Equal(1, on.Exp(0)[0]);
        for (float x = MathF.BitDecrement(MinExponent); x > -200; x -= 0.00731f)
        {
            Assert.Equal(0, on.Exp(x)[3]);
        }
        foreach (float x in (float[])[-1e4f, float.MinValue, float.NegativeInfinity])
        {
            Assert.Equal(0, on.Exp(x)[0]);
        }
        Assert.True(float.IsNaN(on.Exp(float.NaN)[0]));
    });

    private static Tensor Leaf(Tensor x) => x.to(ScalarType.Float64).requires_grad_();

    /// <param name="tolerance">of the largest number, beside the rounding of bfloat16</param>
    private static void Near(Tensor expected, Tensor found, double tolerance = 2e-6)
    {
        Assert.Equal(expected.shape, found.shape);
        Tensor wide = expected.to(ScalarType.Float64);
        double size = Math.Max(1, wide.abs().max().ToDouble()), rounding = found.dtype == ScalarType.BFloat16 ? 1 / 256.0 : 0;
        double off = ((wide - found.to(ScalarType.Float64)).abs() - (wide.abs() * rounding)).max().ToDouble();
        Assert.True(off <= tolerance * size, $"{off} of {size}");
    }
}
