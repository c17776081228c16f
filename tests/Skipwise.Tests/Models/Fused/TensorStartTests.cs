using Skipwise.Models.Fused;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Models.Fused;

public sealed unsafe class TensorStartTests
{
    [Fact]
    public void Numbers_are_found_where_they_are()
    {
        using var scope = NewDisposeScope();
        Tensor matrix = arange(12, ScalarType.Float32).view(3, 4);
        Assert.Equal(0, TensorStart.Of<float>(matrix)[0]);
        Assert.Equal([4f, 5f], [TensorStart.Of<float>(matrix[1])[0], TensorStart.Of<float>(matrix[1])[1]]);
        Assert.Equal(1, TensorStart.Of<float>(matrix.t()[1], anyStrides: true)[0]);
        Assert.Equal(7, TensorStart.Of<long>(tensor([7L]))[0]);
        Assert.Equal(BitConverter.SingleToUInt32Bits(1) >> 16, TensorStart.Of<ushort>(ones([1], ScalarType.BFloat16))[0]);
        Assert.True(TensorStart.Of<float>(empty([0, 4])) is null);
    }

    [Fact]
    public void A_tensor_of_another_type_or_order_is_refused()
    {
        using var scope = NewDisposeScope();
        Tensor matrix = arange(12, ScalarType.Float32).view(3, 4);
        string Message(Action take) => Assert.Throws<ArgumentException>(take).Message;
        Assert.Contains("expected Single numbers on the CPU, end to end, found BFloat16 on cpu",
            Message(() => TensorStart.Of<float>(matrix.to(ScalarType.BFloat16))), StringComparison.Ordinal);
        Assert.Contains("found Float32", Message(() => TensorStart.Of<double>(matrix)), StringComparison.Ordinal);
        Assert.Contains("found Int64", Message(() => TensorStart.Of<int>(tensor([7L]))), StringComparison.Ordinal);
        Assert.Contains("found ComplexFloat32", Message(() => TensorStart.Of<float>(zeros([2], ScalarType.ComplexFloat32))),
            StringComparison.Ordinal);
        Assert.Contains("strides [1, 4]", Message(() => TensorStart.Of<float>(matrix.t())), StringComparison.Ordinal);
        Assert.Contains("found Float32 on meta", Message(() => TensorStart.Of<float>(empty([2], device: META))), StringComparison.Ordinal);
    }

    /// <summary>The pointer outlives the tensor that it was taken from, as long as the scope is open.</summary>
    [Fact]
    public void The_memory_stays_as_long_as_the_scope()
    {
        using var scope = NewDisposeScope();
        Tensor numbers = full([1 << 20], 3, ScalarType.Float32);
        float* start = TensorStart.Of<float>(numbers);
        numbers.Dispose();
        Tensor other = full([1 << 20], 5, ScalarType.Float32); // would take the freed place
        Assert.Equal((3f, 3f, 5f), (start[0], start[(1 << 20) - 1], TensorStart.Of<float>(other)[0]));
    }

    [Theory]
    [InlineData(-1), InlineData(40), InlineData(long.MaxValue)]
    public void A_label_that_is_no_column_is_refused(long label)
    {
        Assert.SkipUnless(Tiles.Serve(ScalarType.Float32, CPU), "needs AVX-512");
        using var scope = NewDisposeScope();
        Assert.Contains("labels from 0 to 39", Assert.Throws<ArgumentException>(() =>
            RowMath.CrossEntropy(zeros([2, 40]), tensor([3L, label]))).Message, StringComparison.Ordinal);
    }
}
