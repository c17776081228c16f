using CsCheck;
using Skipwise.Text;

namespace Skipwise.Tests.Text;

public class CsvRowsTests
{
    private static List<(string, string)> Read(string content, string? field = null)
    {
        using var folder = new TempFolder();
        string path = folder.Write("a.csv", content);
        return [.. Documents.Read([path], new() { Field = field }).Select(d => (d.Text, d.Origin[(folder.Path.Length + 1)..]))];
    }

    [Fact]
    public void Quotes_hold_commas_quotes_and_line_ends()
    {
        string file = "id,text,note\r\n1,\"one, \"\"two\"\"\r\nthree\",x\r\n\r\n2,plain \"quotes\" inside,\n3,\"\",\"\"\n4,last,y";
        Assert.Equal([("one, \"two\"\r\nthree", "a.csv#1"), ("plain \"quotes\" inside", "a.csv#3"), ("last", "a.csv#5")], Read(file));
        Assert.Equal([("x", "a.csv#1"), ("y", "a.csv#5")], Read(file, "note"));
    }

    [Fact]
    public void What_is_written_by_the_rules_comes_back() =>
        Gen.String[Gen.Char["ab,\"\n\r é"], 0, 8].Array[3].Array[1, 6].Sample(rows =>
        {
            string file = "a,text,c\n" + string.Join('\n', rows.Select(row => string.Join(',', row.Select(field => $"\"{field.Replace("\"", "\"\"")}\""))));
            Assert.Equal(rows.Select(row => row[1]).Where(text => !string.IsNullOrWhiteSpace(text)), Read(file).Select(d => d.Item1));
        }, iter: 300, threads: 1);

    [Theory]
    [InlineData("id,title\n1,x\n", "a.csv: no field of a usual name")]
    [InlineData("text,body\n1,x\n", "the text may be in \"text\" or in \"body\"")]
    [InlineData("text,id\nx,1\ny\n", "a.csv#2: the row has 1 fields where its header names 2")]
    [InlineData("text,id\nx,1\n\"y,2\n", "a.csv#2: a quote is opened and never closed")]
    public void Bad_files_are_named_with_their_row(string content, string complaint) =>
        Assert.Contains(complaint, Assert.Throws<SkipwiseException>(() => Read(content)).Message);
}
