using Skipwise.Kernels.Decoding;
using Skipwise.Models.Quantization;
using Skipwise.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Models.Quantization;

public class QuantizedWeightTests
{
    [Theory]
    [InlineData(8, 7, 45), InlineData(4, 7, 45), InlineData(8, 16, 64), InlineData(4, 16, 64), InlineData(4, 1, 1)]
    public void Packing_equals_the_naive_twin_and_keeps_its_error_bound(int bits, int rows, int columns)
    {
        using var scope = NewDisposeScope();
        float[] weights = Weights(rows * columns);
        using var packed = new QuantizedWeight(tensor(weights).view(rows, columns), bits);
        using Tensor unpacked = packed.Dequantize();
        Assert.Equal([rows, columns], unpacked.shape);
        float[] actual = [.. unpacked.data<float>()];
        double widest = bits == 8
            ? 1.0 / 254
            : NormalFloat4.Values.Zip(NormalFloat4.Values.Skip(1), (low, high) => (high - low) / 2.0).Max();
        for (int start = 0; start < weights.Length; start += QuantizedWeight.BlockSize)
        {
            float[] block = weights[start..Math.Min(start + QuantizedWeight.BlockSize, weights.Length)];
            float largest = block.Max(Math.Abs);
            for (int i = 0; i < block.Length; i++)
            {
                double expected = bits == 8 ? Math.Round(block[i] / largest * 127) / 127 * largest : Nearest(block[i] / largest) * largest;
                Assert.Equal(expected, actual[start + i], 1e-5 * largest);
                Assert.InRange(Math.Abs(block[i] - actual[start + i]), 0, (widest + 1e-6) * largest);
            }
        }
        long blocks = (weights.Length + QuantizedWeight.BlockSize - 1) / QuantizedWeight.BlockSize;
        Assert.Equal(blocks * ((QuantizedWeight.BlockSize * bits / 8) + 4), packed.Bytes);
    }

    [Fact]
    public void Zeros_stay_zeros_and_the_type_stays()
    {
        using var scope = NewDisposeScope();
        foreach (int bits in (int[])[4, 8])
        {
            using var packed = new QuantizedWeight(zeros(3, 50, dtype: ScalarType.BFloat16), bits);
            using Tensor unpacked = packed.Dequantize();
            Assert.Equal(ScalarType.BFloat16, unpacked.dtype);
            Assert.Equal(0, unpacked.to(ScalarType.Float32).abs().max().ToDouble());
        }
    }

    /// <summary>The paper's construction: eight quantiles above the middle, seven below, zero, all over the largest.</summary>
    [Fact]
    public void NormalFloat4_is_made_of_normal_quantiles()
    {
        const double offset = 0.9677083;
        double[] positive = [.. Enumerable.Range(0, 8).Select(i => Quantile(offset + ((0.5 - offset) * i / 8)))];
        double[] negative = [.. Enumerable.Range(0, 7).Select(i => -Quantile(offset + ((0.5 - offset) * i / 7)))];
        double[] expected = [.. positive.Concat(negative).Append(0).Order().Select(value => value / positive[0])];
        Assert.Equal(expected, NormalFloat4.Values.Select(value => (double)value), (a, b) => Math.Abs(a - b) < 1e-6);
    }

    private static float Nearest(float unit) => NormalFloat4.Values.MinBy(value => Math.Abs(value - unit));

    private static float[] Weights(int count)
    {
        var rng = new KeyedRandom(3);
        var weights = new float[count];
        for (int i = 0; i < count; i++)
        {
            weights[i] = (float)((rng.NextDouble() + rng.NextDouble() + rng.NextDouble() - 1.5) * (1 + (i / 64)));
        }
        return weights;
    }

    private static double Quantile(double share)
    {
        double low = 0, high = 4;
        while (high - low > 1e-12)
        {
            double middle = (low + high) / 2;
            (low, high) = Normal(middle) < share ? (middle, high) : (low, middle);
        }
        return low;
    }

    /// <summary>The normal distribution function by its power series.</summary>
    private static double Normal(double x)
    {
        double term = x, sum = x;
        for (int n = 1; n < 200; n++)
        {
            term *= x * x / ((2 * n) + 1);
            sum += term;
        }
        return 0.5 + (sum * Math.Exp(-x * x / 2) / Math.Sqrt(2 * Math.PI));
    }
}
