using Skipwise.Documents;

namespace Skipwise.Tests.Documents;

public sealed class JsonDocumentsTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private (string, string)[] Read(string name, string content, string? field = "text")
    {
        string path = name.EndsWith(".gz", StringComparison.Ordinal) ? _folder.WriteGzip(name, content) : _folder.Write(name, content);
        return [.. DocumentReader.Read([path], new() { Field = field }).Select(d => (d.Text, d.Origin[(_folder.Path.Length + 1)..]))];
    }

    [Theory]
    [InlineData("a.json", """[{"text": "ab"}, {"id": 1, "text": "cd"}, {"text": null}, {"text": "ef"}]""")]
    [InlineData("A.JSON", "\uFEFF \n [\n {\n  \"text\": \"ab\"\n },\n {\n  \"text\": \"cd\"\n }, {\"text\": \"\"}, {\"text\": \"ef\"} ]\n")]
    [InlineData("a.json.gz", """[{"text": "ab"}, {"text": "cd"}, {"text": " "}, {"text": "ef"}]""")]
    [InlineData("a.json", "{\"text\": \"ab\"}\n{\"text\": \"cd\"}\n\n{\"text\": \"\"}\n{\"text\": \"ef\"}\n")] // JSON lines called .json
    [InlineData("a.json", "{\n \"text\": \"ab\"\n}\n{\n \"text\": \"cd\"\n} {\"text\": \"\"}{\"text\": \"ef\"}")]
    public void A_list_of_objects_gives_a_document_each(string name, string content) =>
        Assert.Equal([("ab", $"{name}#1"), ("cd", $"{name}#2"), ("ef", $"{name}#4")], Read(name, content));

    [Fact]
    public void It_may_hold_anything_and_is_read_only_where_the_field_is_named()
    {
        string path = _folder.Write("a.json", """[{"text": "ab"}]""");
        Assert.Contains("a.json: it is not known to hold documents; they are read from .txt", Error([path]), StringComparison.Ordinal);
        Assert.Contains(".json, if DocumentOptions.Field names the field of its objects", Error([_folder.Path]), StringComparison.Ordinal);
        _folder.Write("b.txt", "b");
        Assert.Equal(["b"], DocumentReader.Read([_folder.Path], new()).Select(document => document.Text));
        string remark = Assert.Single(DocumentReader.Remarks([_folder.Path], new()));
        Assert.StartsWith($"{_folder.Path}: 1 files of other kinds are not read (a.json)", remark, StringComparison.Ordinal);
        Assert.Equal(["ab", "b"], DocumentReader.Read([_folder.Path], new() { Field = "text" }).Select(document => document.Text));
        Assert.Empty(DocumentReader.Remarks([_folder.Path], new() { Field = "text" }));
    }

    private static string Error(string[] paths) =>
        Assert.Throws<SkipwiseException>(() => DocumentReader.Read(paths, new()).Count()).Message;

    [Fact]
    public void A_list_longer_than_any_buffer_is_read_whole()
    {
        string[] texts = [.. Enumerable.Range(0, 3000).Select(i => $"text {i} {new string((char)('a' + i % 26), i)} é")];
        string list = $"[{string.Join(",\n", texts.Select(text => $"{{\"text\": \"{text}\", \"n\": [1, {{\"x\": 2}}]}}"))}]";
        Assert.Equal(texts, Read("a.json", list).Select(document => document.Item1));
    }

    [Theory]
    [InlineData("a.json", """[{"text": "ab"}, {"text": "cd" """, "a.json: broken JSON in line 1")]
    [InlineData("a.json", """[{"text": "ab"}] x""", "a.json: broken JSON in line 1")]
    [InlineData("a.json", """[{"text": "ab"}][{"text": "cd"}]""", "a.json: broken JSON in line 1")]
    [InlineData("a.json", """[{"text": "ab"},]""", "a.json: broken JSON in line 1")]
    [InlineData("a.json", """{"text": "ab"} x""", "a.json: broken JSON in line 1")]
    [InlineData("a.json", "[\n{\"text\": \"ab\"},\n{\"text\": }\n]", "a.json: broken JSON in line 3")]
    [InlineData("a.json", """["ab", "cd"]""", "a.json#1: the row is String where an object was expected")]
    [InlineData("a.json", """{"data": [{"text": "ab"}]}""", "a.json#1: there is no field \"text\"; there is \"data\"")]
    [InlineData("a.json", """[{"text": "ab"}, {"titel": "cd"}]""", "a.json#2: there is no field \"text\", which the rows before have")]
    [InlineData("a.json", """[{"text": "ab", "text": "cd"}]""", "a.json: broken JSON in line 1")]
    [InlineData("a.json", """[{"text": "\ud800"}]""", "a.json#1: broken JSON")]
    [InlineData("a.jsonl", "{\"text\": \"ab\"}\n{\"text\": \"ab\", \"text\": \"cd\"}\n", "a.jsonl:2: broken JSON")]
    [InlineData("a.jsonl", "{\"text\": \"ab\"}\n{\"text\": \"cd\"} x\n", "a.jsonl:2: broken JSON")]
    [InlineData("a.jsonl", "{\"text\": \"ab\"}{\"text\": \"cd\"}\n", "a.jsonl:1: broken JSON")]
    [InlineData("a.jsonl", "{\"text\": \"ab\"}\n\0\0\0\0", "a.jsonl:2: broken JSON")]
    public void What_is_broken_or_read_two_ways_is_named(string name, string content, string complaint) =>
        Assert.Contains(complaint, Assert.Throws<SkipwiseException>(() => Read(name, content)).Message, StringComparison.Ordinal);
}
