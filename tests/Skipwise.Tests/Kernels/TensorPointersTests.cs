using System.Runtime.Intrinsics;
using Skipwise.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Kernels;

public sealed unsafe class TensorPointersTests
{
    [Fact]
    public void Numbers_are_found_where_they_are()
    {
        using var scope = NewDisposeScope();
        using TensorPointers pointers = new();
        Tensor matrix = arange(12, ScalarType.Float32).view(3, 4);
        Assert.Equal(0, pointers.To<float>(matrix)[0]);
        Assert.Equal([4f, 5f], [pointers.To<float>(matrix[1])[0], pointers.To<float>(matrix[1])[1]]);
        Assert.Equal(1, pointers.To<float>(matrix.t()[1], anyStrides: true)[0]);
        Assert.Equal(7, pointers.To<long>(tensor([7L]))[0]);
        Assert.Equal(BitConverter.SingleToUInt32Bits(1) >> 16, pointers.To<ushort>(ones([1], ScalarType.BFloat16))[0]);
        Assert.True(pointers.To<float>(empty([0, 4])) is null);
        Assert.Equal(BitConverter.GetBytes(5f), pointers.Bytes(matrix[1]).Slice(4, 4));
        Assert.Equal(16, pointers.Bytes(matrix[1]).Length);
    }

    [Fact]
    public void A_tensor_of_another_type_or_order_is_refused()
    {
        using var scope = NewDisposeScope();
        using TensorPointers pointers = new();
        Tensor matrix = arange(12, ScalarType.Float32).view(3, 4);
        string Message(Action take) => Assert.Throws<ArgumentException>(take).Message;
        Assert.Contains("expected Single numbers on the CPU, end to end, found BFloat16 on cpu",
            Message(() => pointers.To<float>(matrix.to(ScalarType.BFloat16))), StringComparison.Ordinal);
        Assert.Contains("found Float32", Message(() => pointers.To<double>(matrix)), StringComparison.Ordinal);
        Assert.Contains("found Int64", Message(() => pointers.To<int>(tensor([7L]))), StringComparison.Ordinal);
        Assert.Contains("found ComplexFloat32", Message(() => pointers.To<float>(zeros([2], ScalarType.ComplexFloat32))),
            StringComparison.Ordinal);
        Assert.Contains("strides [1, 4]", Message(() => pointers.To<float>(matrix.t())), StringComparison.Ordinal);
        Assert.Contains("strides [1, 4]", Message(() => pointers.ToBytes(matrix.t())), StringComparison.Ordinal);
        Assert.Contains("found Float32 on meta", Message(() => pointers.To<float>(empty([2], device: META))), StringComparison.Ordinal);
        Assert.Contains("found Float32 on meta", Message(() => pointers.ToBytes(empty([2], device: META))), StringComparison.Ordinal);
    }

    /// <summary>The memory outlives the tensor that it was taken from and the scope, until the pointers are given up.</summary>
    [Fact]
    public void The_memory_stays_as_long_as_the_pointers()
    {
        using TensorPointers pointers = new();
        float* start;
        using (NewDisposeScope())
        {
            start = pointers.To<float>(full([1 << 20], 3, ScalarType.Float32));
        }
        using Tensor other = full([1 << 20], 5, ScalarType.Float32); // would take the freed place
        Assert.Equal((3f, 3f, 5f), (start[0], start[(1 << 20) - 1], pointers.To<float>(other)[0]));
    }

    [Fact]
    public void Pointers_that_are_given_up_keep_nothing()
    {
        long before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        using (TensorPointers pointers = new())
        {
            using Tensor numbers = ones([3]);
            pointers.To<float>(numbers);
        }
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Theory]
    [InlineData(-1), InlineData(40), InlineData(long.MaxValue)]
    public void A_label_that_is_no_column_is_refused(long label)
    {
        using var scope = NewDisposeScope();
        var refused = Assert.Throws<ArgumentException>(() =>
            VectorOps<Lanes128, Vector128<float>, Float32Element>.CrossEntropy(zeros([2, 40]), tensor([3L, label])));
        Assert.Contains("labels from 0 to 39", refused.Message, StringComparison.Ordinal);
    }
}
