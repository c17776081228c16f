using Parquet;
using Parquet.Schema;
using Parquet.Serialization;
using Skipwise.Documents;
using Skipwise.Storage;

namespace Skipwise.Tests.Documents;

public sealed class RowReaderTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static string[] Raw(string path) => [.. RowReader.Read(path, new()).Select(row => row.Raw)];

    [Fact]
    public void Json_lines_lists_and_packed_files_give_the_same_rows()
    {
        string[] rows = ["""{"a": 1, "b": ["x", "y"]}""", """{"a": 2}"""];
        string lines = string.Join("\n\n", rows) + "\n";
        Assert.Equal(rows, Raw(_folder.Write("rows.jsonl", lines)));
        Assert.Equal(rows, Raw(_folder.WriteGzip("rows.jsonl.gz", lines)));
        Assert.Equal(rows, Raw(_folder.Write("list.json", $" [{string.Join(",\n", rows)}]")));
        Assert.Equal(rows, Raw(_folder.Write("lines.json", lines))); // JSON lines under the wrong name
        Assert.Empty(Raw(_folder.Write("none.jsonl", "\n")));
    }

    [Fact]
    public void Csv_quotes_commas_and_line_breaks()
    {
        string path =
            _folder.Write("rows.csv", "question,answer,list\r\n\"a, \"\"b\"\"\n\nc\",  1 ,\"[\"\"x\"\", \"\"y\"\"]\"\r\nplain,true,\r\n");
        LocatedJson[] rows = [.. RowReader.Read(path, new())];
        Assert.Equal(2, rows.Length);
        Assert.Equal("a, \"b\"\n\nc", rows[0].Get("question").Text);
        Assert.Equal("  1 ", rows[0].Get("answer").Text);
        Assert.Equal(["x", "y"], rows[0].Get("list").Unfolded().Items().Select(item => item.Text));
        Assert.Equal("plain", rows[1].Get("question").Text);
        Assert.Equal("", rows[1].Get("list").Text);
    }

    [Fact]
    public async Task What_json_has_not_is_null_and_breaks_no_row()
    {
        string path = _folder["odd.parquet"];
        DataField<double> score = new("score");
        DataField<float> share = new("share");
        DataField<byte[]> image = new("image"), old = new("old");
        DataField<string> question = new("question"), text = new("text");
        await using (FileStream file = File.Create(path))
        {
            var schema = new ParquetSchema(score, share, image, old, question, text);
            await using ParquetWriter writer = await ParquetWriter.CreateAsync(schema, file);
            using var group = writer.CreateRowGroup();
            await group.WriteAsync<double>(score, new[] { double.NaN, 1.5, double.NegativeInfinity });
            await group.WriteAsync<float>(share, new[] { 1f, float.NaN, float.PositiveInfinity });
            await group.WriteAsync(image, new byte[][] { [0x89, 0x50], [0xFF], [] });
            await group.WriteAsync(old, new byte[][] { [.. "x"u8], [.. "é"u8], [.. "z"u8] });
            await group.WriteAsync(question, new[] { "a", "b", "c" });
            await group.WriteAsync(text, new[] { "ta", "tb", "tc" });
        }
        LocatedJson[] rows = [.. RowReader.Read(path, new())];
        Assert.Equal(["a", "b", "c"], rows.Select(row => row.Get("question").Text));
        Assert.Equal(["x", "é", "z"], rows.Select(row => row.Get("old").Text));
        Assert.Equal([null, "1.5", null], rows.Select(row => row.Find("score")?.Raw));
        Assert.Equal(["1", null, null], rows.Select(row => row.Find("share")?.Raw));
        Assert.Null(rows[0].Find("image"));
        Assert.Equal(["ta", "tb", "tc"], DocumentReader.Read([path], new()).Select(document => document.Text));
    }

    [Fact]
    public void A_csv_row_of_another_width_is_named()
    {
        string path = _folder.Write("rows.csv", "a,b\n1,2\n3\n");
        Assert.Contains($"{path}#2: the row has 1 fields where its header names 2",
            Assert.Throws<SkipwiseException>(() => Raw(path)).Message, StringComparison.Ordinal);
        string empty = _folder.Write("empty.csv", "");
        Assert.Contains("the file is empty", Assert.Throws<SkipwiseException>(() => Raw(empty)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Parquet_with_lists_structures_and_several_row_groups()
    {
        ParquetRow[] rows = [.. Enumerable.Range(0, 5).Select(i => new ParquetRow
        {
            Question = $"naïve {i}", Key = i == 2 ? null : "B", Label = i, Small = (int)i, IsTrue = i % 2 == 0, Score = i / 4.0,
            Choices = new() { Text = ["a", $"b{i}", "ccc"], Labels = [1, 0, 0] }, Endings = [.. Enumerable.Repeat("end", i + 1)],
        })];
        string path = _folder["rows.parquet"];
        await using (FileStream file = File.Create(path))
        {
            await ParquetSerializer.SerializeAsync(rows, file, new ParquetOptions { RowGroupSize = 2 },
                cancellationToken: TestContext.Current.CancellationToken);
        }
        LocatedJson[] read = [.. RowReader.Read(path, new())];
        Assert.Equal(rows.Select(row => row.Question), read.Select(row => row.Get("Question").Text));
        Assert.Equal(rows.Select(row => row.Key), read.Select(row => row.Find("Key")?.Text));
        Assert.Equal(rows.Select(row => (int)row.Label), read.Select(row => row.Get("Label").Number));
        Assert.Equal(rows.Select(row => row.Small), read.Select(row => row.Get("Small").Number));
        Assert.Equal(rows.Select(row => row.IsTrue), read.Select(row => row.Get("IsTrue").Truth));
        Assert.All(rows.Zip(read), pair =>
        {
            Assert.Equal(pair.First.Choices.Text, pair.Second.Get("Choices").Get("Text").Items().Select(item => item.Text));
            Assert.Equal(pair.First.Choices.Labels, pair.Second.Get("Choices").Get("Labels").Items().Select(item => item.Number));
            Assert.Equal(pair.First.Endings, pair.Second.Get("Endings").Items().Select(item => item.Text));
        });
    }

    [Fact]
    public void Broken_files_are_named()
    {
        byte[] noParquet = [.. "PAR1 but not really PAR1"u8];
        Assert.All([
            (_folder.Write("a.jsonl", "{\"a\": 1}\n{\"a\": \n"), "a.jsonl:2: broken JSON"),
            (_folder.Write("b.json", "[{\"a\": 1},"), "b.json: broken JSON"),
            (_folder.Write("c.parquet", noParquet), "c.parquet: broken or cut .parquet file"),
            (_folder.Write("d.jsonl.gz", noParquet), "d.jsonl.gz: broken or cut .gz file"),
            (_folder.Write("e.json", [0x5B, 0xFF, 0xFE]), "e.json: not UTF-8"),
            (_folder["missing.jsonl"], "missing.jsonl: cannot be read"),
            (_folder.Write("f.txt", "text"), "f.txt: unknown kind of file"),
        ], file => Assert.Contains(file.Item2, Assert.Throws<SkipwiseException>(() => Raw(file.Item1)).Message, StringComparison.Ordinal));
    }

    private sealed class ParquetRow
    {
        public string Question { get; set; } = "";
        public string? Key { get; set; }
        public long Label { get; set; }
        public int Small { get; set; }
        public bool IsTrue { get; set; }
        public double Score { get; set; }
        public ParquetChoices Choices { get; set; } = new();
        public List<string> Endings { get; set; } = [];
    }

    private sealed class ParquetChoices
    {
        public List<string> Text { get; set; } = [];
        public List<int> Labels { get; set; } = [];
    }
}
