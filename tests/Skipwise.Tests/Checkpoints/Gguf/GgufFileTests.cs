using System.Text;
using Skipwise.Checkpoints.Formats;
using Skipwise.Checkpoints.Gguf;
using Skipwise.Numerics;
using Skipwise.Storage.Gguf;
using Skipwise.Tests.Checkpoints.Formats;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Checkpoints.Gguf;

public sealed class GgufFileTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    /// <summary>Every kind of value, and a tensor of every type that is read.</summary>
    private string Sample()
    {
        var metadata = new GgufMetadata();
        foreach ((string key, object value) in s_values)
        {
            metadata.Add(key, value);
        }
        metadata.Add("nothing", null);
        using var file = File.Create(_temp["sample.gguf"]);
        GgufWriter.Write(file, file.Name, metadata, [.. GgufType.Written.Select((type, i) =>
            new GgufTensor($"blk.{i}.weight", [3, 64], type, () => [Numbers()[..1], Numbers()[1..]]))]);
        return file.Name;
    }

    private static readonly (string Key, object Value)[] s_values =
    [
        ("general.architecture", "llama"), ("byte", (byte)200), ("sbyte", (sbyte)-100), ("ushort", (ushort)60000), ("short", (short)-30000),
        ("uint", 4_000_000_000u), ("int", -2_000_000_000), ("float", 1.5f), ("bool", true), ("ulong", ulong.MaxValue),
        ("long", long.MinValue), ("double", Math.PI), ("text", "mille, 東京 🦙"), ("texts", new[] { "a", "", "▁the" }),
        ("floats", new[] { -1f, 0.25f }), ("ints", new[] { 1, -6 }), ("bools", new[] { true, false }), ("none", Array.Empty<uint>()),
        ("bytes", new byte[] { 1, 2 }), ("doubles", new[] { 1e300 }), ("longs", new[] { 5L }), ("ulongs", new[] { 6UL }),
        ("ushorts", new ushort[] { 7 }), ("shorts", new short[] { -7 }), ("sbytes", new sbyte[] { -1 }),
    ];

    private static Tensor Numbers() => arange(192, ScalarType.Float32).view(3, 64) / 64 - 1;

    [Fact]
    public void What_is_written_is_read()
    {
        using GgufFile file = GgufFile.Open(Sample());
        Assert.Equal(s_values.Select(pair => pair.Key), file.Values.Values.Keys);
        Assert.All(s_values, pair => Assert.Equal(pair.Value, file.Values.Values[pair.Key]));
        Assert.True(file.Values.TryGet("uint", out uint number) && number == 4_000_000_000);
        Assert.False(file.Values.TryGet("uint", out int _));
        foreach ((TensorEntry entry, double tolerance) in file.Tensors.Values.Zip((double[])[0, 1e-3, 8e-3, 1e-2, 0.15]))
        {
            using var scope = NewDisposeScope();
            Assert.Equal([3, 64], entry.Shape);
            Assert.Equal(0, entry.Offset % 32);
            Assert.InRange((file.Read(entry).to(ScalarType.Float32) - Numbers()).abs().max().ToDouble(), 0, tolerance);
            Tensor doubles = empty(3, 64, ScalarType.Float64);
            file.ReadInto(entry, doubles);
            Assert.Equal(0, (doubles - file.Read(entry).to(ScalarType.Float64)).abs().max().ToDouble());
        }
        Assert.Equal([3 * 256, 3 * 128, 3 * 128, 3 * 68, 3 * 36], file.Tensors.Values.Select(entry => entry.Length));
    }

    /// <summary>The layout, written out byte by byte.</summary>
    [Fact]
    public void A_file_has_these_bytes()
    {
        var metadata = new GgufMetadata();
        metadata.Add("k", "v");
        metadata.Add("n", new[] { 7u });
        using var made = new MemoryStream();
        GgufWriter.Write(made, "x", metadata, [new("a", [2, 1], GgufType.F32, () => [tensor((float[])[1, 2]).view(2, 1)]),
            new("b", [1], GgufType.F16, () => [tensor((float[])[1])])]);
        byte[] header =
        [
            .. "GGUF"u8, 3, 0, 0, 0, .. Long(2), .. Long(2),
            .. Long(1), .. "k"u8, 8, 0, 0, 0, .. Long(1), .. "v"u8,
            .. Long(1), .. "n"u8, 9, 0, 0, 0, 4, 0, 0, 0, .. Long(1), 7, 0, 0, 0,
            .. Long(1), .. "a"u8, 2, 0, 0, 0, .. Long(1), .. Long(2), 0, 0, 0, 0, .. Long(0), // innermost size first
            .. Long(1), .. "b"u8, 1, 0, 0, 0, .. Long(1), 1, 0, 0, 0, .. Long(32),
        ];
        byte[] expected =
        [
            .. header, .. new byte[(32 - (header.Length % 32)) % 32],
            0, 0, 0x80, 0x3F, 0, 0, 0, 0x40, .. new byte[24],
            0, 0x3C, .. new byte[30],
        ];
        Assert.Equal(expected, made.ToArray());

        static byte[] Long(long number) => BitConverter.GetBytes(number);
    }

    [Fact]
    public void A_type_that_is_only_listed_is_not_read()
    {
        byte[] bytes = File.ReadAllBytes(Sample());
        int at = bytes.AsSpan().IndexOf("blk.4.weight"u8) + "blk.4.weight".Length + 4 + 16;
        bytes[at] = 39; // MXFP4, which is smaller than Q4_0
        File.WriteAllBytes(_temp["listed.gguf"], bytes);
        using GgufFile file = GgufFile.Open(_temp["listed.gguf"]);
        TensorEntry entry = file.Tensors["blk.4.weight"];
        Assert.Equal("MXFP4 [3, 64]", entry.ToString());
        Assert.Contains("MXFP4", Assert.Throws<SkipwiseException>(() => file.Read(entry)).Message);
    }

    [Theory]
    [InlineData("GGUF", "GGML", "no GGUF file")]
    [InlineData("\u0003\0\0\0", "\u0004\0\0\0", "version 4")]
    [InlineData("\u0003\0\0\0", "\0\0\0\u0003", "the file is big-endian")]
    [InlineData("ushorts", "doubles", "is there twice")]
    [InlineData("blk.1.weight", "blk.0.weight", "is there twice")]
    [InlineData("text\b\0\0\0", "text\u000D\0\0\0", "unknown type 13")]
    [InlineData("texts\t\0\0\0\b", "texts\t\0\0\0\t", "array itself")]
    [InlineData("bool\a\0\0\0\u0001", "bool\a\0\0\0\u0002", "truth value")]
    [InlineData("blk.0.weight\u0002", "blk.0.weight\u0005", "5 dimensions")]
    [InlineData("blk.0.weight\u0002\0\0\0@", "blk.0.weight\u0002\0\0\0A", "begins at byte")]
    [InlineData("blk.3.weight\u0002\0\0\0@", "blk.3.weight\u0002\0\0\0A", "no multiple of Q8_0's 32")]
    public void A_broken_header_is_refused(string from, string to, string reason)
    {
        string text = Encoding.Latin1.GetString(File.ReadAllBytes(Sample()));
        int at = text.IndexOf(from, StringComparison.Ordinal);
        Assert.True(at >= 0);
        string broken = _temp["broken.gguf"];
        File.WriteAllBytes(broken, Encoding.Latin1.GetBytes(text[..at] + to + text[(at + from.Length)..]));
        SkipwiseException refused = Assert.Throws<SkipwiseException>(() => GgufFile.Open(broken));
        Assert.Contains(reason, refused.Message);
        Assert.StartsWith(broken, refused.Message);
    }

    [Fact]
    public void A_file_that_is_cut_off_is_refused_wherever_it_ends()
    {
        byte[] whole = File.ReadAllBytes(Sample());
        string cut = _temp["cut.gguf"];
        for (int length = 0; length < whole.Length - 28; length += 13) // the last block may lack its padding
        {
            File.WriteAllBytes(cut, whole[..length]);
            Assert.Throws<SkipwiseException>(() => GgufFile.Open(cut));
        }
    }

    [Fact]
    public void A_damaged_file_reads_or_is_refused_and_takes_no_more_memory_than_it_has_bytes()
    {
        byte[] original = File.ReadAllBytes(Sample());
        string path = _temp["fuzz.gguf"];
        int headerEnd = original.AsSpan().LastIndexOf("blk.4.weight"u8) + 40;
        int refused = Fuzz.Run(path, rng => Fuzz.Damage(original, rng, 0, rng.Chance(0.9) ? headerEnd : original.Length), () =>
        {
            using GgufFile file = GgufFile.Open(path);
            long length = new FileInfo(path).Length;
            foreach (TensorEntry entry in file.Tensors.Values)
            {
                Assert.True(entry.Offset >= 0 && entry.Length >= 0 && entry.Offset + entry.Length <= length);
                using Tensor read = file.Read(entry);
                Assert.Equal(entry.Shape, read.shape);
            }
        }, bytesPerByte: 100);
        Assert.InRange(refused, Fuzz.Mutations / 3, Fuzz.Mutations - 1);
    }

    [Fact]
    public void The_types_of_an_export_are_those_of_the_file() =>
        Assert.Equal(GgufType.Written.Select(type => type.Name.ToLowerInvariant()), Skipwise.Recipes.ExportModel.DtypeNames);
}
