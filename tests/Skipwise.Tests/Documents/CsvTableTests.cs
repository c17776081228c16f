using System.Text;
using CsCheck;
using Skipwise.Documents;

namespace Skipwise.Tests.Documents;

public class CsvTableTests
{
    private static List<(string, string)> Read(string content, string? field = null)
    {
        using var folder = new TempFolder();
        string path = folder.Write("a.csv", content);
        return [.. DocumentReader.Read([path], new() { Field = field }).Select(d => (d.Text, d.Origin[(folder.Path.Length + 1)..]))];
    }

    private static string[] Rows(string content)
    {
        using var folder = new TempFolder();
        return [.. RowReader.Read(folder.Write("a.csv", content), new()).Select(row => row.Raw)];
    }

    [Fact]
    public void Quotes_hold_commas_quotes_and_line_ends()
    {
        string file = "id,text,note\r\n1,\"one, \"\"two\"\"\r\nthree\",x\r\n\r\n2,plain  inside ,\n3,\"\",\"\"\n4,last,y";
        Assert.Equal([("one, \"two\"\r\nthree", "a.csv#1"), ("plain  inside ", "a.csv#2"), ("last", "a.csv#4")], Read(file));
        Assert.Equal([("x", "a.csv#1"), ("y", "a.csv#4")], Read(file, "note"));
    }

    [Fact]
    public void What_is_written_by_the_rules_comes_back() =>
        Gen.String[Gen.Char["ab,\"\n\r é"], 0, 8].Array[3].Array[1, 6].Sample(rows =>
        {
            string Quoted(string field) => $"\"{field.Replace("\"", "\"\"")}\"";
            string file = "a,text,c\n" + string.Join('\n', rows.Select(row => string.Join(',', row.Select(Quoted))));
            Assert.Equal(rows.Select(row => row[1]).Where(text => !string.IsNullOrWhiteSpace(text)), Read(file).Select(d => d.Item1));
        }, iter: 300, threads: 1);

    [Theory]
    [InlineData("id,title\n1,x\n", "a.csv: no field of a usual name")]
    [InlineData("text,body\n1,x\n", "the text may be in \"text\" or in \"body\"")]
    [InlineData("text,id\nx,1\ny\n", "a.csv#2: the row has 1 fields where its header names 2 (line 3)")]
    [InlineData("text,id\n\"x\n\",1\n\ny,1,2\n", "a.csv#2: the row has 3 fields where its header names 2 (line 5)")]
    [InlineData("text,id\nx,1\n\"y,2\n", "a.csv#2: Malformed CSV in record 3 (line 3): a quoted field that is never closed")]
    [InlineData("text,id\nx,1\ny\"z,2\n", "a.csv#2: Malformed CSV in record 3 (line 3): a quote inside an unquoted field")]
    [InlineData("text,id\nx,1\n\"y\"z,2\n", "a.csv#2: Malformed CSV in record 3 (line 3): text after the closing quote")]
    [InlineData("text,id\n\"x\" ,1\n", "a.csv#1: Malformed CSV in record 2 (line 2): text after the closing quote")]
    [InlineData("text,id\nx, \"1\"\n", "a.csv#1: Malformed CSV in record 2 (line 2): a quote inside an unquoted field")]
    [InlineData("te\"xt,id\nx,1\n", "a.csv#0: Malformed CSV in record 1 (line 1): a quote inside an unquoted field")]
    [InlineData("text,id,text\nx,1,y\n", "a.csv: its header names two columns \"text\"")]
    [InlineData("text;id\nx;1\n", "there is \"text;id\"")]
    [InlineData(",\nx,1\n", "a.csv: no field of a usual name")]
    public void Bad_files_are_named_with_their_row(string content, string complaint) =>
        Assert.Contains(complaint, Assert.Throws<SkipwiseException>(() => Read(content)).Message, StringComparison.Ordinal);

    [Fact]
    public void Columns_without_a_name_or_with_a_double_one_do_not_hide_a_text()
    {
        Assert.Equal([("x", "a.csv#1")], Read(",id,text,id,\n0,1,x,2,3\n")); // row numbers of the kind that pandas writes
        Assert.Equal(["""{"id":"1","text":"x"}"""], Rows(",id,text,\n0,1,x,2\n"));
        string message = Assert.Throws<SkipwiseException>(() => Rows("id,text,id\n1,x,2\n")).Message;
        Assert.Contains("a.csv: its header names two columns \"id\"", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Marks_bytes_and_long_fields()
    {
        using var folder = new TempFolder();
        string letters = new('é', 1_000_000);
        string rows = $"\uFEFF\"text\",id\n\"{letters}\",1\n# no comment,2\n";
        string path = folder.Write("a.csv", Encoding.UTF8.GetBytes(rows));
        Assert.Equal([letters, "# no comment"], DocumentReader.Read([path], new()).Select(document => document.Text));
        folder.Write("a.csv", [.. "text,id\nx,1\n"u8, 0xE9, .. ",2\n"u8]);
        string message = Assert.Throws<SkipwiseException>(() => DocumentReader.Read([path], new()).Count()).Message;
        Assert.Contains($"{path}: not UTF-8: line 3, byte 12: E9", message, StringComparison.Ordinal);
        Assert.Empty(DocumentReader.Read([folder.Write("a.csv", "")], new()));
    }
}
