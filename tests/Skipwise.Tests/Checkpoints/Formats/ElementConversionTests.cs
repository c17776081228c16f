using System.Runtime.InteropServices;
using Skipwise.Checkpoints.Formats;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Checkpoints.Formats;

public sealed class ElementConversionTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    /// <summary>All 65,536 bit patterns, subnormal numbers, infinities and NaN among them, to the bit; libtorch is the reference
    /// implementation.</summary>
    [Theory]
    [InlineData(ScalarType.Float16), InlineData(ScalarType.BFloat16)]
    public void Every_half_becomes_the_float_that_libtorch_makes_of_it(ScalarType type)
    {
        using var scope = NewDisposeScope();
        ushort[] patterns = [.. Enumerable.Range(0, 65536).Select(i => (ushort)i)];
        Tensor halves = empty(65536, type), widened = empty(65536);
        MemoryMarshal.AsBytes(patterns.AsSpan()).CopyTo(halves.bytes);
        using SafetensorsFile file = Written(halves, type);
        file.ReadInto(file.Tensors["x"], widened);
        float[] expected = halves.to(ScalarType.Float32).data<float>().ToArray(), found = widened.data<float>().ToArray();
        Assert.All(expected.Zip(found), pair => Assert.True(
            float.IsNaN(pair.First) ? float.IsNaN(pair.Second)
                : BitConverter.SingleToInt32Bits(pair.First) == BitConverter.SingleToInt32Bits(pair.Second),
            $"{pair.First} {pair.Second}"));
    }

    /// <summary>Pieces read at once by several cores, or one after the other through libtorch (to bfloat16): every element has its place,
    /// the last piece short.</summary>
    [Theory]
    [InlineData(ScalarType.Float32, ScalarType.Float32), InlineData(ScalarType.BFloat16, ScalarType.Float32),
        InlineData(ScalarType.Float16, ScalarType.Float32), InlineData(ScalarType.Float32, ScalarType.BFloat16)]
    public void A_tensor_of_many_pieces_arrives_whole(ScalarType stored, ScalarType wanted)
    {
        const int count = 4_200_007; // 17 MB of float32: more than one piece of either way
        using var scope = NewDisposeScope();
        Tensor values = arange(count, ScalarType.Float32).remainder(251).to(stored);
        using SafetensorsFile file = Written(values, stored);
        Tensor read = empty(count, wanted);
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
