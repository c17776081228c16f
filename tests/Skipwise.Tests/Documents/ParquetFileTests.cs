using CsCheck;
using Parquet;
using Parquet.Schema;
using Skipwise.Documents;
using Skipwise.Tests.Checkpoints.Formats;
using Skipwise.Tests.Tokenizers;
using Skipwise.Tests.Tokenizers.Formats;

namespace Skipwise.Tests.Documents;

public class ParquetFileTests
{
    private static readonly DataField<string> s_text = new("text"), s_title = new("title");
    private static readonly DataField<long> s_id = new("id");

    /// <summary>Rows of a title, a number and a text, in groups of two rows, beside a structure and a list.</summary>
    private static byte[] File(CompressionMethod compression = CompressionMethod.Snappy, params string?[] texts) =>
        Write(compression, texts).GetAwaiter().GetResult();

    internal static byte[] Sample() => File(texts: ["one", null, "three", "four"]);

    private static async Task<byte[]> Write(CompressionMethod compression, string?[] texts)
    {
        var schema =
            new ParquetSchema(s_title, s_id, s_text, new StructField("meta", new DataField<string>("input")),
                new DataField("names", typeof(string[])));
        using var stream = new MemoryStream();
        await using (var writer = await ParquetWriter.CreateAsync(schema, stream, new ParquetOptions { CompressionMethod = compression }))
        {
            foreach (string?[] rows in texts.Chunk(2))
            {
                using var group = writer.CreateRowGroup();
                await group.WriteAsync(s_title, rows.Select((_, i) => $"title {i}").ToArray());
                await group.WriteAsync<long>(s_id, rows.Select((_, i) => (long)i).ToArray());
                await group.WriteAsync(s_text, rows!);
                await group.WriteAsync(schema.DataFields[3], rows.Select(_ => "inner").ToArray());
                await group.WriteAsync(schema.DataFields[4], rows.Select(_ => "one").ToArray(),
                    new ReadOnlyMemory<int>(new int[rows.Length]));
            }
        }
        return stream.ToArray();
    }

    private static List<(string, string)> Read(TempFolder folder, string? field = null) =>
        [.. DocumentReader.Read([folder["a.parquet"]], new() { Field = field })
            .Select(d => (d.Text, d.Origin[(folder.Path.Length + 1)..]))];

    [Theory]
    [InlineData(CompressionMethod.None)]
    [InlineData(CompressionMethod.Snappy)]
    [InlineData(CompressionMethod.Gzip)]
    [InlineData(CompressionMethod.Zstd)]
    public void A_string_column_gives_a_document_a_row(CompressionMethod compression)
    {
        using var folder = new TempFolder();
        folder.Write("a.parquet", File(compression, "one", null, "three 水車", "", "five"));
        Assert.Equal([("one", "a.parquet#1"), ("three 水車", "a.parquet#3"), ("five", "a.parquet#5")], Read(folder));
        Assert.Equal([("text", folder["a.parquet"])], DocumentReader.TextFields([folder.Path], new()));
        Assert.Equal(["title 0", "title 1", "title 0", "title 1", "title 0"], Read(folder, "title").Select(d => d.Item1));
    }

    [Theory]
    [InlineData("id", "the field \"id\" holds no text")]
    [InlineData("meta", "the field \"meta\" holds no text")]
    [InlineData("names", "the field \"names\" holds no text")]
    [InlineData("body", "there is no field \"body\"")]
    public void Another_column_is_refused_with_the_names_of_all(string field, string complaint)
    {
        using var folder = new TempFolder();
        folder.Write("a.parquet", File(texts: "one"));
        string message = Assert.Throws<SkipwiseException>(() => Read(folder, field)).Message;
        Assert.Contains(complaint, message);
        Assert.Contains("\"title\", \"id\", \"text\", \"meta\", \"names\"", message);
    }

    [Fact]
    public void A_damaged_file_is_a_clear_error()
    {
        using var folder = new TempFolder();
        byte[] whole = File(texts: [TinyBpe.Corpus, "two", "three"]);
        for (int length = 0; length < whole.Length; length += 7)
        {
            string path = folder.Write("a.parquet", whole[..length]);
            Assert.Contains($"{path}: broken or cut", Assert.Throws<SkipwiseException>(() => Read(folder)).Message);
        }
        Gen.Select(Gen.Int[0, whole.Length - 1], Gen.Byte).Array[1, 3].Sample(changes =>
        {
            byte[] damaged = [.. whole];
            foreach (var (at, value) in changes)
            {
                damaged[at] = value;
            }
            folder.Write("a.parquet", damaged);
            Robust.Try(() => Read(folder));
            Robust.Try(() => Assert.All(RowReader.Read(folder["a.parquet"], new()), row => Assert.NotEmpty(row.Raw)));
        }, iter: Fuzz.Mutations, threads: 1);
    }
}
