using System.Text;
using Skipwise.Storage;

namespace Skipwise.Tests.Storage;

public sealed class OwnedFilesTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public void Its_own_files_are_replaced_and_no_others()
    {
        Write("1", "a.md", "plots/a.svg");
        Write("2", "a.md", "b.md");
        Assert.Equal(("2", "2", "1"),
            (File.ReadAllText(_temp["a.md"]), File.ReadAllText(_temp["b.md"]), File.ReadAllText(_temp["plots/a.svg"])));
        _temp.Write("mine.md", "mine");
        Refused("mine.md", "exists, and Skipwise did not write it");
        _temp.Write("a.md", "3"); // a person has mended it
        Refused("a.md", "has changed since Skipwise wrote it");
        Directory.CreateDirectory(_temp["folder.md"]);
        Refused("folder.md", "Skipwise did not write it");
        Write("3", "plots/a.svg");
        _temp.Write("list.skipwise.json", "[");
        Refused("b.md", "list.skipwise.json");
    }

    /// <summary>A file is Skipwise's as long as it is what was written last: an older one that a person brings back is theirs.</summary>
    [Fact]
    public void What_was_written_before_the_last_time_is_no_longer_its_own()
    {
        Write("1", "a.md");
        Write("2", "a.md");
        _temp.Write("a.md", "1");
        Refused("a.md", "has changed since Skipwise wrote it");
    }

    /// <summary>The process dies before any step: the next one can write, and no file is half.</summary>
    [Fact]
    public void A_process_that_dies_at_any_step_leaves_what_can_be_replaced()
    {
        int steps = 0;
        for (bool died = true; died; steps++)
        {
            Write("old", "a.md", "b.md");
            int left = steps;
            FileSystem.Before.Value = (_, _) =>
            {
                if (left-- <= 0)
                {
                    throw new InvalidOperationException("dead");
                }
            };
            died = Record.Exception(() => Write("new", "a.md", "b.md", "c.md")) is not null;
            FileSystem.Before.Value = null;
            Assert.All(Directory.GetFiles(_temp.Path, "*.md"), file => Assert.Contains(File.ReadAllText(file), (string[])["old", "new"]));
            Write("last", "a.md", "b.md", "c.md");
            Assert.Equal(["a.md", "b.md", "c.md", "list.skipwise.json"], Directory.GetFiles(_temp.Path).Select(Path.GetFileName).Order());
            Array.ForEach(Directory.GetFiles(_temp.Path), File.Delete);
        }
        Assert.InRange(steps, 15, 40);
    }

    /// <summary>The same for a file that is never in memory.</summary>
    [Fact]
    public void Content_that_is_written_in_pieces_is_owned_from_any_step_on()
    {
        void WritePieces(string text) => Own.Write("a.md", stream =>
        {
            foreach (byte letter in Encoding.UTF8.GetBytes(text))
            {
                stream.Write([letter]);
            }
        });
        int steps = 0;
        for (bool died = true; died; steps++)
        {
            WritePieces("an older text");
            int left = steps;
            FileSystem.Before.Value = (_, _) =>
            {
                if (left-- <= 0)
                {
                    throw new InvalidOperationException("dead");
                }
            };
            died = Record.Exception(() => WritePieces("a newer text")) is not null;
            FileSystem.Before.Value = null;
            Assert.Contains(File.ReadAllText(_temp["a.md"]), (string[])["an older text", "a newer text"]);
            WritePieces("the last text");
            Assert.Equal("the last text", File.ReadAllText(_temp["a.md"]));
            Assert.Equal(["a.md", "list.skipwise.json"], Directory.GetFiles(_temp.Path).Select(Path.GetFileName).Order());
        }
        Assert.InRange(steps, 8, 30);
        _temp.Write("a.md", "mine");
        Assert.Throws<SkipwiseException>(() => WritePieces("x"));
        Assert.Equal("mine", File.ReadAllText(_temp["a.md"]));
    }

    private OwnedFiles Own => new(_temp["list.skipwise.json"]);

    private void Write(string text, params string[] names) => Own.Write([.. names.Select(name => (name, Encoding.UTF8.GetBytes(text)))]);

    private void Refused(string name, string words)
    {
        string[] Everything() =>
            [.. Directory.EnumerateFiles(_temp.Path, "*", SearchOption.AllDirectories).Order()
                .Select(file => $"{file}: {File.ReadAllText(file)}")];
        string[] before = Everything();
        Assert.Contains(words, Assert.Throws<SkipwiseException>(() => Write("new", "new.md", name)).Message);
        Assert.Equal(before, Everything());
    }
}
