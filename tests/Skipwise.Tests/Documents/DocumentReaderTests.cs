using System.Text;
using CsCheck;
using Skipwise.Documents;
using Skipwise.Tests.Tokenizers;
using Skipwise.Tests.Tokenizers.Formats;

namespace Skipwise.Tests.Documents;

public class DocumentReaderTests
{
    private static List<(string Text, string Origin)> Read(TempFolder folder, string path, DocumentOptions? options = null) =>
        [.. DocumentReader.Read([path.Length > 0 ? folder[path] : folder.Path], options ?? new())
            .Select(d => (d.Text, d.Origin[(folder.Path.Length + 1)..]))];

    private static string Error(TempFolder folder, string path, DocumentOptions? options = null) =>
        Assert.Throws<SkipwiseException>(() => Read(folder, path, options)).Message;

    [Fact]
    public void A_folder_gives_its_files_in_ordinal_order_without_hidden_and_foreign_ones()
    {
        using var folder = new TempFolder();
        folder.Write("b.txt", "b");
        folder.Write("B.md", "B");
        folder.WriteGzip("a/z.txt.gz", "z");
        folder.Write("a/c.tex", "c");
        folder.WriteGzip("d.jsonl.gz", "{\"text\":\"1\"}\n\n{\"id\":\"x\",\"text\":\"3\"}\n{\"text\":null}\n{\"text\":\"5\"}");
        folder.WriteZstandard("e.jsonl.zst", "{\"input\":\"6\",\"output\":\"x\"}");
        folder.WriteZstandard("f.TXT.zst", "7");
        folder.Write(".hidden.txt", "x");
        folder.Write(".git/x.txt", "x");
        folder.Write("picture.png", "x");
        folder.Write("blank.txt", " \n");
        Assert.Equal(
            [("B", "B.md"), ("c", "a/c.tex"), ("z", "a/z.txt.gz"), ("b", "b.txt"), ("1", "d.jsonl.gz:1"), ("3", "d.jsonl.gz:3"),
                ("5", "d.jsonl.gz:5"), ("6", "e.jsonl.zst:1"), ("7", "f.TXT.zst")],
            Read(folder, ""));
    }

    [Fact]
    public void What_is_not_read_and_what_is_named_twice_is_told()
    {
        using var folder = new TempFolder();
        folder.Write("a.txt", "a");
        folder.WriteGzip("a.txt.gz", "a");
        folder.Write("B.JSONL", "{\"text\": \"b\"}");
        folder.Write("more/.c.txt", "c");
        folder.Write(".git/config", "d");
        string[] foreign = [.. "edcf".Select(letter => folder.Write($"{letter}.pdf", "x"))];
        string[] remarks = [.. DocumentReader.Remarks([folder.Path, folder["a.txt"], folder["more/../a.txt"]], new())];
        Assert.Equal(4, remarks.Length);
        string others = $"{foreign.Length} files of other kinds are not read (c.pdf, d.pdf, e.pdf, ...)";
        Assert.StartsWith($"{folder.Path}: {others}; documents are read from .txt", remarks[0]);
        Assert.Equal($"{folder.Path}: 1 files that are hidden are not read (more/.c.txt)", remarks[1]);
        string again = $"named 3 times, also as {folder["a.txt"]} and {folder["more/../a.txt"]}; it is read once";
        Assert.Equal($"{folder["a.txt"]}: {again}", remarks[2]);
        Assert.StartsWith($"{folder["a.txt"]} and {folder["a.txt.gz"]}: all of them are read", remarks[3]);
        Assert.Equal(["b", "a", "a"], DocumentReader.Read([folder.Path, folder["a.txt"]], new()).Select(document => document.Text));
        Assert.Empty(DocumentReader.Remarks([folder["a.txt"]], new()));
    }

    [Fact]
    public void A_separator_splits_a_file_into_documents()
    {
        using var folder = new TempFolder();
        folder.Write("s.txt", "one\n<|end|>\n two\n\nstill two <|end|><|end|>\nlast");
        Assert.Equal([("one", "s.txt#1"), ("two\n\nstill two", "s.txt#2"), ("last", "s.txt#4")],
            Read(folder, "s.txt", new() { SeparatorText = "<|end|>" }));
        Assert.Single(Read(folder, "s.txt"));
        Assert.Contains("separator is empty", Error(folder, "s.txt", new() { SeparatorText = "" }));
    }

    [Fact]
    public void A_separator_across_a_block_border_is_seen() =>
        Gen.Int[65_520, 65_540].Array[1, 4].Sample(lengths =>
        {
            using var folder = new TempFolder();
            string[] parts = [.. lengths.Select((n, i) => new string((char)('a' + i), n))];
            folder.Write("s.txt", string.Join("<|end|>", parts));
            Assert.Equal(parts, Read(folder, "s.txt", new() { SeparatorText = "<|end|>" }).Select(d => d.Text));
        }, iter: 40);

    [Fact]
    public void A_byte_order_mark_is_no_text()
    {
        using var folder = new TempFolder();
        folder.Write("a.txt", [0xEF, 0xBB, 0xBF, (byte)'a']);
        Assert.Equal([("a", "a.txt")], Read(folder, "a.txt"));
    }

    [Fact]
    public void The_field_may_be_named()
    {
        using var folder = new TempFolder();
        folder.Write("a.jsonl", "{\"content\":\"c\",\"text\":\"t\",\"meta\":{\"text\":\"m\"}}");
        Assert.Contains("a.jsonl:1: the text may be in \"text\" or in \"content\". Say which with DocumentOptions.Field",
            Error(folder, "a.jsonl"));
        Assert.Equal("c", Read(folder, "a.jsonl", new() { Field = "content" }).Single().Text);
        string message = Error(folder, "a.jsonl", new() { Field = "body" });
        Assert.Contains("a.jsonl:1: there is no field \"body\"; there are \"content\", \"text\", \"meta\"", message);
        Assert.Contains("a.jsonl:1: the field \"meta\" holds no text", Error(folder, "a.jsonl", new() { Field = "meta" }));
    }

    [Theory] // the layouts in which the benchmarks' corpora come
    [InlineData("""{"id": "1", "pid": "2", "input": "T", "output": "summary"}""", "input")] // GovReport in SCROLLS
    [InlineData("""{"report": "T", "summary": "x"}""", "report")] // GovReport elsewhere
    [InlineData("""{"meta": {"config": "arxiv"}, "text": "T"}""", "text")] // Proof-pile, the Pile
    [InlineData("""{"short_book_title": "x", "publication_date": 1850, "url": "x", "text": "T"}""", "text")] // PG-19
    [InlineData("""{"article": "T", "abstract": "x"}""", "article")] // arXiv
    public void The_field_is_found_by_its_usual_name_and_told(string line, string field)
    {
        using var folder = new TempFolder();
        folder.Write("a.jsonl", line);
        folder.Write("b.txt", "plain");
        Assert.Equal("T", Read(folder, "a.jsonl").Single().Text);
        Assert.Equal([(field, folder["a.jsonl"])], DocumentReader.TextFields([folder.Path], new()));
    }

    [Theory]
    [InlineData("{\"text\":\"a\"}\n{\"text\":", "a.jsonl:2: broken JSON")]
    [InlineData("{\"text\":\"a\"}\n\n{\"titel\":\"a\"}", "a.jsonl:3: there is no field \"text\", which the rows before have; there are")]
    [InlineData("[1]", "a.jsonl:1: the row is Array")]
    [InlineData("{\"text\":5}",
        "a.jsonl:1: no field of a usual name (text, input, content, article, report, document, body, story) holds text; there is \"text\"")]
    [InlineData("{\"text\":\"a\"}\n{\"text\":5}", "a.jsonl:2: \"text\" is Number")]
    [InlineData("{\"text\":\"\\ud800\"}", "a.jsonl:1: broken JSON: The escape \\ud800 is half")]
    public void Bad_lines_are_named(string lines, string complaint)
    {
        using var folder = new TempFolder();
        folder.Write("a.jsonl", lines);
        Assert.Contains(complaint, Error(folder, "a.jsonl"));
    }

    [Fact]
    public void Missing_and_foreign_paths_are_found_before_anything_is_read()
    {
        using var folder = new TempFolder();
        folder.Write("a.txt", "a");
        folder.Write("a.arrow", "a");
        folder.Write("images/b.png", "a");
        Assert.Contains("no such file",
            Assert.Throws<SkipwiseException>(() => DocumentReader.Read([folder["a.txt"], folder["none"]], new())).Message);
        string arrow = Assert.Throws<SkipwiseException>(() => DocumentReader.Read([folder["a.arrow"]], new())).Message;
        Assert.Contains("a.arrow: it is not known to hold documents; they are read from .txt", arrow);
        Assert.Contains("none of its 1 files",
            Assert.Throws<SkipwiseException>(() => DocumentReader.Read([folder["images"]], new())).Message);
        Assert.Contains("no data", Assert.Throws<SkipwiseException>(() => DocumentReader.Read([], new())).Message);
    }

    [Fact]
    public void Text_that_is_not_UTF8_is_refused()
    {
        using var folder = new TempFolder();
        folder.Write("latin.txt", [(byte)'a', 0xE9, (byte)'b']);
        folder.Write("utf16.txt", Encoding.Unicode.GetPreamble());
        Assert.Contains("latin.txt: not UTF-8: line 1, byte 1: E9", Error(folder, "latin.txt"));
        Assert.Contains("utf16.txt: not UTF-8: line 1, byte 0: FF", Error(folder, "utf16.txt"));
    }

    [Fact]
    public void A_damaged_zst_file_is_refused()
    {
        using var folder = new TempFolder();
        byte[] whole = File.ReadAllBytes(folder.WriteZstandard("a.txt.zst", TinyBpe.Corpus));
        Assert.Single(Read(folder, "a.txt.zst"));
        for (int length = 0; length < whole.Length; length++)
        {
            folder.Write("a.txt.zst", whole[..length]);
            Assert.Contains("a.txt.zst: broken or cut", Error(folder, "a.txt.zst"));
        }
        folder.Write("a.txt.zst", TinyBpe.Corpus);
        Assert.Contains("a.txt.zst: broken or cut", Error(folder, "a.txt.zst"));
        folder.Write("a.txt.zst", [.. whole, .. "garbage behind it"u8]);
        Assert.Contains("a.txt.zst: broken or cut", Error(folder, "a.txt.zst"));
        folder.Write("a.txt.zst", [.. whole, .. whole]); // two frames in a row are one text
        Assert.Equal(TinyBpe.Corpus + TinyBpe.Corpus, Read(folder, "a.txt.zst").Single().Text);
        Gen.Select(Gen.Int[0, whole.Length - 1], Gen.Byte).Array[1, 3].Sample(changes =>
        {
            byte[] damaged = [.. whole];
            foreach (var (at, value) in changes)
            {
                damaged[at] = value;
            }
            folder.Write("a.txt.zst", damaged);
            Robust.Try(() => Read(folder, "a.txt.zst")); // a checksum is optional in this format: a changed letter may pass
        }, iter: 500, threads: 1);
    }

    [Fact]
    public void A_damaged_gz_file_is_refused()
    {
        using var folder = new TempFolder();
        byte[] whole = File.ReadAllBytes(folder.WriteGzip("a.txt.gz", TinyBpe.Corpus));
        Assert.Single(Read(folder, "a.txt.gz"));
        for (int length = 0; length < whole.Length; length++)
        {
            folder.Write("a.txt.gz", whole[..length]);
            Assert.Contains("a.txt.gz: broken or cut", Error(folder, "a.txt.gz"));
        }
        folder.Write("a.txt.gz", TinyBpe.Corpus);
        Assert.Contains("a.txt.gz: broken or cut", Error(folder, "a.txt.gz"));
        folder.Write("a.txt.gz", [.. whole, .. "garbage behind it"u8]);
        Assert.Contains("a.txt.gz: broken or cut", Error(folder, "a.txt.gz"));
        folder.Write("a.txt.gz", [.. whole, .. whole[1..]]); // a second member whose beginning is damaged
        Assert.Contains("a.txt.gz: broken or cut", Error(folder, "a.txt.gz"));
        byte[] named = [.. whole[..3], 0x1E, .. whole[4..10], 2, 0, 9, 9, .. "name\0"u8, .. "comment\0"u8, 0, 0, .. whole[10..]];
        folder.Write("a.txt.gz", [.. named, .. new byte[1000]]); // every field that a header may have; zeros fill a block up
        Assert.Equal(TinyBpe.Corpus, Read(folder, "a.txt.gz").Single().Text);
        folder.Write("a.txt.gz", [.. whole, .. whole]); // two members in a row are one text
        Assert.Equal(TinyBpe.Corpus + TinyBpe.Corpus, Read(folder, "a.txt.gz").Single().Text);
        Gen.Select(Gen.Int[0, whole.Length - 1], Gen.Byte).Array[1, 3].Sample(changes =>
        {
            byte[] damaged = [.. whole];
            foreach (var (at, value) in changes)
            {
                damaged[at] = value;
            }
            folder.Write("a.txt.gz", damaged);
            Robust.Try(() => Assert.Equal(TinyBpe.Corpus, Read(folder, "a.txt.gz").Single().Text));
        }, iter: 500, threads: 1);
    }
}
