using System.Runtime.InteropServices;
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
        Tensor halves = empty(65536, type);
        ushort[] patterns = [.. Enumerable.Range(0, 65536).Select(pattern => (ushort)pattern)];
        MemoryMarshal.AsBytes(patterns.AsSpan()).CopyTo(halves.bytes);
        using SafetensorsFile file = Written(halves, type);
        Tensor widened = empty(65536);
        file.ReadInto(file.Tensors["x"], widened);
        // A NaN stays one; which of the many is left to the processor.
        static uint Bits(float value) => float.IsNaN(value) ? uint.MaxValue : BitConverter.SingleToUInt32Bits(value);
        Assert.Equal(halves.to(ScalarType.Float32).data<float>().Select(Bits), widened.data<float>().Select(Bits));
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
