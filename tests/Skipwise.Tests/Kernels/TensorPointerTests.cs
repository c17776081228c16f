using Skipwise.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Kernels;

public sealed unsafe class TensorPointerTests
{
    [Fact]
    public void Numbers_are_found_where_they_are()
    {
        using var scope = NewDisposeScope();
        Tensor matrix = arange(12, ScalarType.Float32).view(3, 4);
        Assert.Equal(0, TensorPointer.To<float>(matrix)[0]);
        Assert.Equal([4f, 5f], [TensorPointer.To<float>(matrix[1])[0], TensorPointer.To<float>(matrix[1])[1]]);
        Assert.Equal(1, TensorPointer.To<float>(matrix.t()[1], anyStrides: true)[0]);
        Assert.Equal(7, TensorPointer.To<long>(tensor([7L]))[0]);
        Assert.Equal(BitConverter.SingleToUInt32Bits(1) >> 16, TensorPointer.To<ushort>(ones([1], ScalarType.BFloat16))[0]);
        Assert.True(TensorPointer.To<float>(empty([0, 4])) is null);
    }

    [Fact]
    public void A_tensor_of_another_type_or_order_is_refused()
    {
        using var scope = NewDisposeScope();
        Tensor matrix = arange(12, ScalarType.Float32).view(3, 4);
        string Message(Action take) => Assert.Throws<ArgumentException>(take).Message;
        Assert.Contains("expected Single numbers on the CPU, end to end, found BFloat16 on cpu",
            Message(() => TensorPointer.To<float>(matrix.to(ScalarType.BFloat16))), StringComparison.Ordinal);
        Assert.Contains("found Float32", Message(() => TensorPointer.To<double>(matrix)), StringComparison.Ordinal);
        Assert.Contains("found Int64", Message(() => TensorPointer.To<int>(tensor([7L]))), StringComparison.Ordinal);
        Assert.Contains("found ComplexFloat32", Message(() => TensorPointer.To<float>(zeros([2], ScalarType.ComplexFloat32))),
            StringComparison.Ordinal);
        Assert.Contains("strides [1, 4]", Message(() => TensorPointer.To<float>(matrix.t())), StringComparison.Ordinal);
        Assert.Contains("found Float32 on meta", Message(() => TensorPointer.To<float>(empty([2], device: META))), StringComparison.Ordinal);
    }

    /// <summary>The pointer outlives the tensor that it was taken from, as long as the scope is open.</summary>
    [Fact]
    public void The_memory_stays_as_long_as_the_scope()
    {
        using var scope = NewDisposeScope();
        Tensor numbers = full([1 << 20], 3, ScalarType.Float32);
        float* start = TensorPointer.To<float>(numbers);
        numbers.Dispose();
        Tensor other = full([1 << 20], 5, ScalarType.Float32); // would take the freed place
        Assert.Equal((3f, 3f, 5f), (start[0], start[(1 << 20) - 1], TensorPointer.To<float>(other)[0]));
    }

    [Theory]
    [InlineData(-1), InlineData(40), InlineData(long.MaxValue)]
    public void A_label_that_is_no_column_is_refused(long label)
    {
        Assert.SkipUnless(Avx512Gemm.Supports(ScalarType.Float32, CPU), "needs AVX-512");
        using var scope = NewDisposeScope();
        Assert.Contains("labels from 0 to 39", Assert.Throws<ArgumentException>(() =>
            Avx512Ops.CrossEntropy(zeros([2, 40]), tensor([3L, label]))).Message, StringComparison.Ordinal);
    }
}
