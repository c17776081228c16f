using CsCheck;
using Skipwise.Checkpoints.Formats;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Checkpoints.Formats;

public sealed class SafetensorsFileTests : IDisposable
{
    private static readonly ScalarType[] s_types =
        [ScalarType.Float64, ScalarType.Float32, ScalarType.Float16, ScalarType.BFloat16, ScalarType.Int64, ScalarType.Int32,
            ScalarType.Int16, ScalarType.Int8, ScalarType.Byte, ScalarType.Bool];
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Theory]
    [InlineData("llama-none", "model.safetensors")]
    [InlineData("llama-none", "reference.safetensors")]
    [InlineData("formats/single-safetensors-bf16", "model.safetensors")]
    [InlineData("formats/sharded-safetensors-f16", "model-00002-of-00003.safetensors")]
    public void Every_tensor_has_the_bytes_that_a_plain_reading_finds(string folder, string name)
    {
        string path = Fixture.Path(folder, name);
        var expected = RawSafetensors.Read(path);
        using SafetensorsFile file = SafetensorsFile.Open(path);
        Assert.Equal(expected.Keys.Order(), file.Tensors.Keys.Order());
        foreach ((string tensor, (string type, long[] shape, byte[] data)) in expected)
        {
            TensorEntry entry = file.Tensors[tensor];
            Assert.Equal((type, data.Length), (entry.Type.Name, entry.Length));
            Assert.Equal(shape, entry.Shape);
            using Tensor read = file.Read(entry);
            Assert.Equal(shape, read.shape);
            Assert.True(read.bytes.SequenceEqual(data), tensor);
        }
    }

    [Fact]
    public void Half_precision_becomes_the_float_that_the_formats_define()
    {
        // independent of torch: System.Half for f16; bf16 is the upper half of a float's bits
        byte[] bits = [.. Enumerable.Range(0, 0x7C00).SelectMany(i => BitConverter.GetBytes((ushort)i))];
        string path = _temp["half.safetensors"];
        foreach (string type in (string[])["F16", "BF16"])
        {
            File.WriteAllBytes(path,
                RawSafetensors.File($$$"""{"x":{"dtype":"{{{type}}}","shape":[{{{0x7C00}}}],"data_offsets":[0,{{{bits.Length}}}]}}""",
                    bits));
            using SafetensorsFile file = SafetensorsFile.Open(path);
            using Tensor floats = empty(0x7C00);
            file.ReadInto(file.Tensors["x"], floats);
            Assert.Equal(
                Enumerable.Range(0, 0x7C00)
                .Select(i => type == "F16" ? (float)BitConverter.UInt16BitsToHalf((ushort)i) : BitConverter.Int32BitsToSingle(i << 16)),
                floats.data<float>());
        }
    }

    [Fact]
    public void What_is_written_is_read_back_bit_for_bit() =>
        Gen.Select(Gen.Int[0, s_types.Length - 1].Select(i => s_types[i]),
            Gen.Long[0, 5].Array[0, 4], Gen.Int[0, 1000]).List[0, 4].Sample(specs =>
            {
                using var scope = NewDisposeScope();
                var tensors =
                    specs.Select((spec, i) =>
                        ($"tensor \"{i}\" é",
                            arange(spec.Item2.Aggregate(1L, (a, b) => a * b)).add(spec.Item3).view(spec.Item2).to(spec.Item1), spec.Item1))
                            .ToList();
                string path = _temp[$"{Guid.NewGuid()}.safetensors"];
                var metadata = new Dictionary<string, string> { ["format"] = "pt", ["note"] = "ü\n\"" };
                SafetensorsWriter.Write(path, tensors, metadata);
                using SafetensorsFile file = SafetensorsFile.Open(path);
                Assert.Equal(metadata, file.Metadata);
                Assert.Equal(0, file.Tensors.Count > 0 ? file.Tensors.Values.First().Offset % 8 : 0);
                Assert.Equal(tensors.Count, file.Tensors.Count);
                Assert.Equal(tensors.Count, RawSafetensors.Read(path).Count);
                foreach ((string name, Tensor tensor, ScalarType type) in tensors)
                {
                    Tensor read = file.Read(file.Tensors[name]);
                    Assert.Equal((type, tensor.shape.Length), (read.dtype, read.shape.Length));
                    Assert.Equal(tensor.shape, read.shape);
                    Assert.True(tensor.bytes.SequenceEqual(read.bytes));
                }
            }, iter: 60, threads: 1);

    [Fact]
    public void A_strided_view_is_written_as_the_values_it_shows()
    {
        using Tensor matrix = arange(12, ScalarType.Float32).view(3, 4);
        using Tensor turned = matrix.t();
        SafetensorsWriter.Write(_temp["t.safetensors"], [("x", turned, ScalarType.Float32)]);
        using SafetensorsFile file = SafetensorsFile.Open(_temp["t.safetensors"]);
        using Tensor read = file.Read(file.Tensors["x"]);
        Assert.Equal([0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11], read.data<float>().ToArray());
    }

    /// <summary>Nothing lies at an empty tensor's place but the beginning of another one, whichever the header names first.</summary>
    [Fact]
    public void An_empty_tensor_may_be_named_after_the_one_that_begins_at_its_place()
    {
        File.WriteAllBytes(_temp["empty.safetensors"], RawSafetensors.File("""
            {"full": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
             "empty": {"dtype": "F32", "shape": [0, 3], "data_offsets": [0, 0]}}
            """, 8));
        using SafetensorsFile file = SafetensorsFile.Open(_temp["empty.safetensors"]);
        Assert.Equal(["F32 [0, 3]", "F32 [2]"], file.Tensors.Values.Select(tensor => tensor.ToString()));
    }

    [Fact]
    public void A_tensor_longer_than_one_piece_is_converted_whole()
    {
        const int count = (1 << 23) + 3; // pieces are of 2^22 elements in writing and 2^23 of f16 in reading
        using Tensor values = arange(count, ScalarType.Int32).remainder(2048).to(ScalarType.Float32);
        SafetensorsWriter.Write(_temp["long.safetensors"], [("x", values, ScalarType.Float16)]);
        using SafetensorsFile file = SafetensorsFile.Open(_temp["long.safetensors"]);
        using Tensor read = empty(count);
        file.ReadInto(file.Tensors["x"], read);
        Assert.True(values.Equals(read));
    }

    /// <summary>Types that libtorch has not, packed ones among them, and metadata that is null: so buffers beside weights may be.</summary>
    [Theory]
    [InlineData("F4", 4, 2), InlineData("F4", 0, 0), InlineData("F6_E2M3", 4, 3), InlineData("F6_E3M2", 8, 6), InlineData("F8_E8M0", 3, 3)]
    [InlineData("F8_E4M3", 3, 3), InlineData("F8_E4M3FNUZ", 3, 3), InlineData("F8_E5M2FNUZ", 3, 3)]
    [InlineData("U16", 3, 6), InlineData("C64", 2, 16)]
    public void A_type_without_a_tensor_type_is_listed_and_refused_only_when_it_is_read(string type, int count, int bytes)
    {
        string header = $$$"""
            {"__metadata__":null,"u":{"dtype":"{{{type}}}","shape":[{{{count}}}],"data_offsets":[0,{{{bytes}}}]},
            "x":{"dtype":"F32","shape":[1],"data_offsets":[{{{bytes}}},{{{bytes + 4}}}]}}
            """;
        File.WriteAllBytes(_temp["u.safetensors"], RawSafetensors.File(header, [.. new byte[bytes], .. BitConverter.GetBytes(1.5f)]));
        using SafetensorsFile file = SafetensorsFile.Open(_temp["u.safetensors"]);
        Assert.Empty(file.Metadata);
        TensorEntry unread = file.Tensors["u"];
        Assert.Equal($"{type} [{count}]", unread.ToString());
        Assert.Equal(bytes, unread.Length);
        using Tensor floats = zeros(count), read = file.Read(file.Tensors["x"]);
        Assert.Equal([1.5f], read.data<float>().ToArray());
        Assert.Null(file.Map(unread));
        string message = Assert.Throws<SkipwiseException>(() => file.ReadInto(unread, floats)).Message;
        Assert.Contains($"tensor u: there is no tensor type for {type}", message);
    }

    [Fact]
    public void Integers_do_not_pass_for_weights_and_shapes_must_agree()
    {
        File.WriteAllBytes(_temp["i.safetensors"],
            RawSafetensors.File(
                """{"x":{"dtype":"I64","shape":[2],"data_offsets":[0,16]},"u":{"dtype":"U32","shape":[1],"data_offsets":[16,20]}}""", 20));
        using SafetensorsFile file = SafetensorsFile.Open(_temp["i.safetensors"]);
        using Tensor two = zeros(2), three = zeros(3, ScalarType.Int64);
        Assert.Contains("does not convert to Float32",
            Assert.Throws<SkipwiseException>(() => file.ReadInto(file.Tensors["x"], two)).Message);
        Assert.Contains("tensor x: expected shape [3], found [2]",
            Assert.Throws<SkipwiseException>(() => file.ReadInto(file.Tensors["x"], three)).Message);
        Assert.Contains("tensor u: there is no tensor type for U32",
            Assert.Throws<SkipwiseException>(() => file.Read(file.Tensors["u"])).Message);
    }

    [Fact]
    public void A_file_cut_while_open_is_an_error()
    {
        string path = _temp["cut.safetensors"];
        File.WriteAllBytes(path, RawSafetensors.File("""{"x":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}""", 16));
        using SafetensorsFile file = SafetensorsFile.Open(path);
        using (var stream = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
        {
            stream.SetLength(stream.Length - 4);
        }
        Assert.Contains("became shorter", Assert.Throws<SkipwiseException>(() => file.Read(file.Tensors["x"])).Message);
    }
}
