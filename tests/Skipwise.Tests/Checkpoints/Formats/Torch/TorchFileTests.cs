using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using Skipwise.Checkpoints.Formats.Torch;
using Skipwise.Checkpoints.HuggingFace;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Checkpoints.Formats.Torch;

public sealed class TorchFileTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    public static TheoryData<string> Written => ["protocol2", "protocol3", "protocol4", "protocol5", "plain-dict", "zip64"];

    /// <summary>Python's own pickle and zipfile wrote these files (fixtures/README.md); storage 0 holds 0, 1, ..., 23.</summary>
    [Theory]
    [MemberData(nameof(Written))]
    public void Every_view_of_a_storage_has_its_elements(string name)
    {
        using var scope = NewDisposeScope();
        using TorchFile file = TorchFile.Open(Fixture.Path("formats", "torch-views", name + ".bin"));
        Assert.Equal(["whole", "transposed", "every.second.column", "tail", "three", "half", "long", "scalar", "nothing", "one.column"],
            file.Tensors.Keys);
        double[] Values(string tensor) => file.Read(file.Tensors[tensor]).to(ScalarType.Float64).contiguous().data<double>().ToArray();
        long[] Shape(string tensor) => file.Read(file.Tensors[tensor]).shape;

        Assert.Equal(Enumerable.Range(0, 24).Select(i => (double)i), Values("whole"));
        Assert.Equal(Enumerable.Range(0, 24).Select(i => (double)((i % 4 * 6) + (i / 4))), Values("transposed"));
        Assert.Equal([6, 4], Shape("transposed"));
        Assert.Equal([1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23], Values("every.second.column"));
        Assert.Equal([20, 21, 22, 23], Values("tail"));
        Assert.Equal([2, 5, 8, 3, 6, 9, 14, 17, 20, 15, 18, 21], Values("three"));
        Assert.Equal([0, 1.5, 0.5, 2, 1, 2.5], Values("half"));
        Assert.Equal([-1, 0, 1L << 40], Values("long"));
        Assert.Equal([2.5], Values("scalar"));
        Assert.Equal([0, 5], Shape("nothing"));
        Assert.Equal([5, 11, 17, 23], Values("one.column"));
        Assert.Equal(ScalarType.Float16, file.Read(file.Tensors["half"]).dtype);
        // the bytes from the first element to the last
        Assert.Equal([24 * 4, 24 * 4, 23 * 4, 4 * 4], ((string[])["whole", "transposed", "every.second.column", "tail"])
            .Select(tensor => file.Tensors[tensor].Length));

        Tensor widened = empty(3, 2);
        file.ReadInto(file.Tensors["half"], widened);
        Assert.Equal([0, 1.5f, 0.5f, 2, 1, 2.5f], widened.data<float>().ToArray());
    }

    [Theory]
    [InlineData("cos\nsystem\n(X\u0004\0\0\0truetR", "it asks to call os.system")] // GLOBAL, REDUCE
    [InlineData("cbuiltins\neval\n)R", "it asks to call builtins.eval")]
    [InlineData("c__builtin__\ngetattr\n)R", "it asks to call __builtin__.getattr")]
    [InlineData("ctorch\nload\n)R", "it asks to call torch.load")]
    [InlineData("ctorch._utils\n_rebuild_tensor\n)R", "it asks to call torch._utils._rebuild_tensor")]
    [InlineData("ctorch._utils\n_rebuild_tensor_v2\n)R", "calls torch._utils._rebuild_tensor_v2 with other arguments than PyTorch does")]
    [InlineData("(ios\nsystem\n", "operation 0x69 at byte 3")] // INST
    [InlineData("cos\nsystem\n)\u0081", "operation 0x81")] // NEWOBJ
    [InlineData("Phttp://x\n", "operation 0x50 at byte 2")] // PERSID
    [InlineData("cos\nsystem\n}b", "takes a state, but it is no dictionary")]
    [InlineData("]", "expected a dictionary of tensors")]
    [InlineData("}K\u0001K\u0002s", "key (no text): expected one tensor under each name")]
    [InlineData("}X\u0001\0\0\0aK\u0002s", "key a: expected one tensor under each name")]
    [InlineData("h\u0007", "recalls at byte 4 what was never noted (7)")]
    [InlineData("0", "the stack is empty")]
    [InlineData("t", "no mark on the stack")]
    [InlineData("(0", "the stack is empty")]
    [InlineData("X\u00ff\u00ff\u00ff\u007f", "claims 2147483647 bytes at byte 7, more than are left")]
    public void A_pickle_that_asks_for_more_than_tensors_is_refused(string operations, string expected)
    {
        byte[] pickle = [0x80, 2, .. Encoding.Latin1.GetBytes(operations), (byte)'.'];
        ExpectError(RawTorch.Archive(pickle), expected);
    }

    /// <summary>libtorch itself knows no more.</summary>
    [Fact]
    public void A_tensor_has_up_to_64_dimensions()
    {
        byte[] Ones(int dimensions)
        {
            long[] ones = [.. Enumerable.Repeat(1L, dimensions)];
            return RawTorch.Model([("w", ones, ones, [0, 0, 128, 63])]);
        }
        File.WriteAllBytes(_temp["x.bin"], Ones(64));
        using TorchFile file = TorchFile.Open(_temp["x.bin"]);
        Assert.Equal(64, file.Tensors["w"].Shape.Count);
        ExpectError(Ones(65), "a tensor of 65 sizes and 65 strides");
    }

    [Fact]
    public void What_a_pickle_takes_off_the_stack_is_gone()
    {
        File.WriteAllBytes(_temp["x.bin"], RawTorch.Archive(RawTorch.Pickle("}K", 5, "0")));
        using TorchFile file = TorchFile.Open(_temp["x.bin"]);
        Assert.Empty(file.Tensors);
    }

    [Fact]
    public void Numbers_that_lie_about_their_length_take_no_memory()
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        ExpectError(RawTorch.Archive(RawTorch.Pickle(0x8B, new byte[] { 0xFF, 0xFF, 0xFF, 0x7F })), "claims 2147483647 bytes");
        ExpectError(RawTorch.Archive(RawTorch.Pickle(0x8A, 200, new byte[200])), "a whole number of 200 bytes");
        ExpectError(RawTorch.Archive(RawTorch.Pickle(0x8D, new byte[] { 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F })),
            "claims 9223372036854775807 bytes");
        // a note under the largest index
        ExpectError(RawTorch.Archive(RawTorch.Pickle("}r", new byte[] { 0xFF, 0xFF, 0xFF, 0xFF }, "X")), "cut off");
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1_000_000);
    }

    [Fact]
    public void Deep_nesting_is_no_recursion() =>
        ExpectError(RawTorch.Archive(RawTorch.Pickle(")", Enumerable.Repeat((byte)0x85, 1_000_000).ToArray())),
            "expected a dictionary of tensors");

    [Theory]
    [InlineData(6, 0, new long[] { 2, 3 }, new long[] { -3, 1 }, "neither can be negative")]
    [InlineData(6, 0, new long[] { -2, 3 }, new long[] { 3, 1 }, "neither can be negative")]
    [InlineData(6, -1, new long[] { 2, 3 }, new long[] { 3, 1 }, "from element -1")]
    [InlineData(6, 1, new long[] { 2, 3 }, new long[] { 3, 1 }, "does not fit into its storage of 6")]
    // overlapping windows: more elements than are stored
    [InlineData(6, 0, new long[] { 3, 3 }, new long[] { 1, 1 }, "does not fit into its storage of 6")]
    [InlineData(6, 0, new long[] { 1_000_000, 1_000_000 }, new long[] { 0, 0 }, "does not fit into its storage of 6")]
    [InlineData(6, 0, new long[] { long.MaxValue, long.MaxValue, 4 }, new long[] { 0, 0, 0 }, "larger than any file")]
    [InlineData(6, 0, new long[] { 2, 2 }, new long[] { long.MaxValue, long.MaxValue }, "larger than any file")]
    [InlineData(6, 0, new long[] { 2, 3 }, new long[] { 1 }, "2 sizes and 1 strides")]
    [InlineData(7, 0, new long[] { 7 }, new long[] { 1 }, "holds 24 bytes, too few for 7 elements of F32")]
    [InlineData(-1, 0, new long[] { 0 }, new long[] { 1 }, "that is no storage")]
    public void A_view_beyond_its_storage_is_refused(long count, long offset, long[] sizes, long[] strides, string expected) =>
        ExpectError(RawTorch.Archive(RawTorch.OneTensor("w", count, offset, sizes, strides), ("data/0", new byte[24])), expected);

    /// <summary>A file saved from a transposed weight holds its columns one after the other; the parts of a joint tensor are
    /// rows.</summary>
    [Theory]
    [InlineData("baichuan2-none", "W_pack"), InlineData("gpt_neox-pct25-parallel", "query_key_value")]
    public void A_joint_tensor_that_is_stored_transposed_gives_its_parts_the_same_rows(string fixture, string joint)
    {
        string folder = Directory.CreateDirectory(_temp["model"]).FullName;
        File.Copy(Fixture.Path(fixture, "config.json"), Path.Combine(folder, "config.json"));
        int transposed = 0;
        var tensors = new List<(string, long[], long[], byte[])>();
        foreach ((string name, (_, long[] shape, byte[] data)) in RawSafetensors.Read(Fixture.Path(fixture, "model.safetensors"))
            .Where(t => !ModelFamily.Ignores(t.Key)))
        {
            bool isJoint = name.Contains(joint) && shape.Length == 2;
            transposed += isJoint ? 1 : 0;
            tensors.Add(
                (name, shape, shape.Length == 1 ? [1] : isJoint ? [1, shape[0]] : [shape[1], 1],
                    isJoint ? Transposed(data, (int)shape[0], (int)shape[1]) : data));
        }
        Assert.Equal(2, transposed);
        File.WriteAllBytes(Path.Combine(folder, "pytorch_model.bin"), RawTorch.Model(tensors));
        using PretrainedModel found = PretrainedModel.Load(new ModelSource(folder)),
            expected = PretrainedModel.Load(new ModelSource(Fixture.Path(fixture)));
        Assert.All(expected.Model.named_parameters().Zip(found.Model.named_parameters()),
            pair => Assert.True(pair.First.name == pair.Second.name && pair.First.parameter.Equals(pair.Second.parameter),
                pair.First.name));
    }

    private static byte[] Transposed(byte[] data, int rows, int columns)
    {
        var turned = new byte[data.Length];
        for (int i = 0; i < rows * columns; i++)
        {
            data.AsSpan(4 * i, 4).CopyTo(turned.AsSpan(4 * ((i % columns * rows) + (i / columns))));
        }
        return turned;
    }

    [Fact]
    public void A_tensor_without_its_record_or_of_a_foreign_type_is_named()
    {
        ExpectError(RawTorch.Archive(RawTorch.OneTensor("w", 6, 0, [6], [1])), "tensor w: record archive/data/0 is missing");
        ExpectError(RawTorch.Model([("w", [1], [1], new byte[4]), ("w", [1], [1], new byte[4])]),
            "key w: expected one tensor under each name");
        ExpectError(RawTorch.Archive(RawTorch.OneTensor("w", 6, 0, [6], [1], storage: "QInt8Storage"), ("data/0", new byte[24])),
            "holds a torch.QInt8Storage; readable are");
        ExpectError(RawTorch.Archive(RawTorch.OneTensor("w", 6, 0, [6], [1]), ("data/0", new byte[24]), ("byteorder", "big"u8.ToArray())),
            "its byte order is not \"little\"");
    }

    [Fact]
    public void The_format_before_PyTorch_1_6_is_refused_with_the_way_out()
    {
        byte[] legacy = [0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, (byte)'.'];
        ExpectError([.. legacy, .. new byte[400]], "torch.save(torch.load('x.bin', map_location='cpu'), 'x.bin')");
        ExpectError([.. new byte[257], .. "ustar\0"u8, .. new byte[300]], "written in the format that PyTorch used before 1.6");
        ExpectError([], "does not begin as a file of torch.save does");
        ExpectError(Encoding.UTF8.GetBytes("version https://git-lfs.github.com/spec/v1\n"), "does not begin as a file of torch.save does");
    }

    /// <summary>A directory beyond the 32-bit numbers ends with a ZIP64 record, which a locator before the usual end points to.</summary>
    [Fact]
    public void A_directory_with_a_64_bit_end_is_read()
    {
        const int endSize = 22;
        byte[] plain = RawTorch.Model([("a", [2], [1], [0, 0, 128, 63, 0, 0, 0, 64])]); // 1 and 2
        Span<byte> end = plain.AsSpan(^endSize..);
        long count = BinaryPrimitives.ReadUInt16LittleEndian(end[10..]), length = BinaryPrimitives.ReadUInt32LittleEndian(end[12..]),
            start = BinaryPrimitives.ReadUInt32LittleEndian(end[16..]);
        byte[] end64 =
        [
            .. "PK\x06\x06"u8, .. BitConverter.GetBytes(44L), 45, 0, 45, 0, .. new byte[8], .. BitConverter.GetBytes(count),
            .. BitConverter.GetBytes(count), .. BitConverter.GetBytes(length), .. BitConverter.GetBytes(start),
        ];
        byte[] locator = [.. "PK\x06\x07"u8, 0, 0, 0, 0, .. BitConverter.GetBytes((long)plain.Length - endSize), 1, 0, 0, 0];
        end[8..20].Fill(0xFF); // the counts, the length and the start stand in the ZIP64 record

        File.WriteAllBytes(_temp["large.bin"], [.. plain[..^endSize], .. end64, .. locator, .. plain[^endSize..]]);
        using TorchFile file = TorchFile.Open(_temp["large.bin"]);
        Assert.Equal([1f, 2f], file.Read(file.Tensors["a"]).data<float>().ToArray());

        locator[0] = (byte)'X';
        ExpectError([.. plain[..^endSize], .. end64, .. locator, .. plain[^endSize..]], "ZIP64 locator");
        locator[0] = (byte)'P';
        locator[8]++; // it points past the record
        ExpectError([.. plain[..^endSize], .. end64, .. locator, .. plain[^endSize..]], "ZIP64 directory's end");
    }

    /// <summary>A record's entry in the directory may end with a comment.</summary>
    [Fact]
    public void Comments_of_records_are_passed_over()
    {
        byte[] storage = [0, 0, 128, 63, 0, 0, 0, 64]; // 1 and 2
        using var bytes = new MemoryStream();
        bytes.Write(RawTorch.Model([("a", [2], [1], storage), ("b", [2], [1], storage)]));
        using (var zip = new ZipArchive(bytes, ZipArchiveMode.Update, leaveOpen: true))
        {
            foreach (ZipArchiveEntry entry in zip.Entries)
            {
                entry.Comment = "written by " + entry.Name;
            }
        }
        File.WriteAllBytes(_temp["comments.bin"], bytes.ToArray());
        using TorchFile file = TorchFile.Open(_temp["comments.bin"]);
        using Tensor a = file.Read(file.Tensors["a"]), b = file.Read(file.Tensors["b"]);
        Assert.Equal([1f, 2f, 1f, 2f], a.data<float>().Concat(b.data<float>()));
    }

    [Fact]
    public void An_archive_that_compresses_or_overlaps_its_records_is_refused()
    {
        byte[] original = File.ReadAllBytes(Fixture.Path("formats", "torch-views", "protocol2.bin"));
        int directory = original.AsSpan().LastIndexOf("PK\u0005\u0006"u8) is var end ? BitConverter.ToInt32(original, end + 16) : 0;
        byte[] Changed(int at, byte value)
        {
            byte[] copy = [.. original];
            copy[directory + at] = value;
            return copy;
        }
        ExpectError(Changed(10, 8), "record archive/data.pkl is compressed or encrypted");
        ExpectError(Changed(8, 1), "record archive/data.pkl is compressed or encrypted");
        ExpectError(Changed(24, 1), "bytes stand for"); // a size that differs from the packed size, as a bomb's does
        int second = directory + original.AsSpan(directory + 4).IndexOf("PK\u0001\u0002"u8) + 4;
        byte[] overlapping = [.. original];
        original.AsSpan(directory + 42, 4).CopyTo(overlapping.AsSpan(second + 42)); // both point at the first record's data
        ExpectError(overlapping, "overlaps");
        ExpectError(original[..^9], "has no end of a zip directory");
    }

    private void ExpectError(byte[] file, string expected)
    {
        string path = _temp.Write("x.bin", file);
        string message = Assert.Throws<SkipwiseException>(() => TorchFile.Open(path).Dispose()).Message;
        Assert.StartsWith(path, message);
        Assert.Contains(expected, message);
    }
}
