using Skipwise.Documents;
using Skipwise.Evaluation.Tasks;
using Skipwise.Storage;

namespace Skipwise.Tests.Storage;

/// <summary>Links in folders, and what is made of them where folders are read: documents, tasks, hashes.</summary>
public sealed class FolderFilesTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string[] Found() => [.. FolderFiles.Distinct(_folder.Path, _ => true).Select(file => file.Path)];

    private void Link(string name, string target) => File.CreateSymbolicLink(_folder[name], target);

    [Fact]
    public void A_file_is_found_once_however_many_names_it_has()
    {
        _folder.Write("b/x.txt", "x");
        _folder.Write("b/c/y.txt", "y");
        string[] plain = Found();
        Assert.Equal(["b/c/y.txt", "b/x.txt"], plain);
        Link("a", "."); // a loop
        Link("b/up", "..");
        Link("b/c/self", "self");
        Link("aa", "b/c"); // a folder of this one
        Link("a.txt", "b/x.txt");
        Link("b/c/z.txt", "../../a.txt"); // a link to a link
        Assert.Equal(["b/c/self", .. plain], Found().Order(StringComparer.Ordinal));
    }

    [Fact]
    public void What_lies_elsewhere_stands_under_the_name_of_the_first_link()
    {
        using var other = new TempFolder();
        other.Write("blobs/1", "x");
        other.Write("blobs/2", "y");
        other.Write("more/z.txt", "z");
        Link("b.txt", other["blobs/1"]);
        Link("a.txt", other["blobs/1"]);
        Link("c.txt", other["blobs/2"]);
        Link("d", other["more"]);
        Link("e", other["more"]);
        Assert.Equal(["a.txt", "c.txt", "d/z.txt"], Found());
        Assert.Equal(["x", "y", "z"], DocumentReader.Read([_folder.Path], new()).Select(document => document.Text));
    }

    [Fact]
    public void Of_two_names_of_one_file_the_readable_one_counts()
    {
        _folder.Write("blobs/1", "x");
        Directory.CreateDirectory(_folder["snapshot"]);
        Link("snapshot/a.txt", "../blobs/1"); // the layout of a download cache
        Assert.Equal(["x"], DocumentReader.Read([_folder.Path], new()).Select(document => document.Text));
        Assert.Empty(DocumentReader.Remarks([_folder.Path], new()));
    }

    [Fact]
    public void Links_multiply_neither_documents_nor_tasks_nor_change_the_hash()
    {
        _folder.Write("piqa/validation.jsonl", """{"goal": "g", "sol1": "a", "sol2": "b", "label": 0, "text": "t"}""");
        string hash = ContentHash.Compute([_folder.Path]);
        Link("loop", ".");
        Link("piqa/loop", "..");
        Assert.Equal(hash, ContentHash.Compute([_folder.Path]));
        Assert.Single(DocumentReader.Read([_folder.Path], new()));
        Assert.Single(new TaskFiles(_folder.Path).Find(TaskRegistry.Find(["piqa"]).Single(), TaskSplit.Validation)!);
    }

    [Fact]
    public void A_link_that_leads_nowhere_is_an_error_where_a_text_should_be()
    {
        _folder.Write("a.txt", "a");
        Link("b.txt", "missing.txt");
        string message = Assert.Throws<SkipwiseException>(() => DocumentReader.Read([_folder.Path], new()).Count()).Message;
        Assert.Contains("b.txt", message, StringComparison.Ordinal);
    }
}
