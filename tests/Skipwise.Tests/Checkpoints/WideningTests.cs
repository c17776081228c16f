using Skipwise.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Checkpoints;

public sealed class WideningTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    /// <summary>All 65,536 bit patterns, subnormal numbers, infinities and NaN among them, to the bit; libtorch is the naive twin.</summary>
    [Theory]
    [InlineData(ScalarType.Float16), InlineData(ScalarType.BFloat16)]
    public void Every_half_becomes_the_float_that_libtorch_makes_of_it(ScalarType type)
    {
        using var scope = NewDisposeScope();
        Tensor halves = arange(65536, ScalarType.Int32).to(ScalarType.Int16).view(type);
        using SafetensorsFile file = Written(halves, type);
        Tensor widened = empty(65536);
        file.ReadInto(file.Tensors["x"], widened);
        Tensor expected = halves.to(ScalarType.Float32), isNumber = expected.isnan().logical_not();
        Assert.True((widened.view(ScalarType.Int32) == expected.view(ScalarType.Int32)).logical_or(isNumber.logical_not()).all().item<bool>());
        Assert.True((widened.isnan() == expected.isnan()).all().item<bool>());
    }

    /// <summary>Pieces read at once by several cores: every element has its place, with and without a conversion, the last piece short.</summary>
    [Theory]
    [InlineData(ScalarType.Float32, ScalarType.Float32), InlineData(ScalarType.BFloat16, ScalarType.Float32), InlineData(ScalarType.Float16, ScalarType.Float32), InlineData(ScalarType.Float32, ScalarType.BFloat16)]
    public void A_tensor_of_many_pieces_arrives_whole(ScalarType stored, ScalarType wanted)
    {
        using var scope = NewDisposeScope();
        Tensor values = arange(1_500_007, ScalarType.Float32).remainder(251).to(stored);
        using SafetensorsFile file = Written(values, stored);
        Tensor read = empty(1_500_007, wanted);
        file.ReadInto(file.Tensors["x"], read);
        Assert.True((read == values.to(wanted)).all().item<bool>());
    }

    private SafetensorsFile Written(Tensor values, ScalarType type)
    {
        string path = _temp["x.safetensors"];
        SafetensorsWriter.Write(path, [("x", values, type)]);
        return SafetensorsFile.Open(path);
    }
}
