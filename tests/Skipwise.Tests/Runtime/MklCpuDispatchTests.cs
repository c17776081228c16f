using Skipwise.Numerics;
using static TorchSharp.torch;

namespace Skipwise.Tests.Runtime;

/// <summary>Products of every kind that MKL has a kernel for, held against sums that are made here, in float64.</summary>
public sealed class MklCpuDispatchTests
{
    public static TheoryData<int, int, int> Sizes => new()
    {
        { 1, 1, 1 }, { 1, 300, 70 }, { 2, 17, 33 }, { 16, 64, 16 }, { 31, 48, 49 }, { 64, 7, 65 }, { 129, 256, 31 }, { 200, 333, 95 },
        { 512, 64, 130 },
    };

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Are_right_at_every_size_and_order(int rows, int inner, int columns)
    {
        using var scope = NewDisposeScope();
        float[] a = Random(rows * inner, 1), b = Random(inner * columns, 2);
        double[] expected = new double[rows * columns];
        for (int i = 0; i < rows; i++)
        {
            for (int k = 0; k < inner; k++)
            {
                for (int j = 0; j < columns; j++)
                {
                    expected[(i * columns) + j] += (double)a[(i * inner) + k] * b[(k * columns) + j];
                }
            }
        }
        Tensor left = tensor(a).view(rows, inner), right = tensor(b).view(inner, columns);
        Tensor leftTurned = left.t().contiguous().t(), rightTurned = right.t().contiguous().t();
        foreach (Tensor product in (Tensor[])[left.mm(right), leftTurned.mm(right), left.mm(rightTurned), leftTurned.mm(rightTurned),
            nn.functional.linear(left, right.t()), left.unsqueeze(0).bmm(right.unsqueeze(0)).squeeze(0)])
        {
            float[] found = product.contiguous().data<float>().ToArray();
            Assert.All(expected.Zip(found), pair => Assert.InRange(Math.Abs(pair.First - pair.Second), 0, 1e-6 * inner));
        }
        Assert.All(expected.Zip(left.to(ScalarType.Float64).mm(right.to(ScalarType.Float64)).data<double>().ToArray()),
            pair => Assert.InRange(Math.Abs(pair.First - pair.Second), 0, 1e-14 * inner));
    }

    private static float[] Random(int count, ulong seed)
    {
        var rng = new KeyedRandom(seed, 0, 0);
        var values = new float[count];
        for (int i = 0; i < count; i++)
        {
            values[i] = (float)((2 * rng.NextDouble()) - 1);
        }
        return values;
    }
}
