using System.IO.Pipes;
using Microsoft.Win32.SafeHandles;
using Skipwise.Storage;

namespace Skipwise.Tests.Storage;

public sealed class AtomicFileTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public void The_name_shows_the_old_content_until_the_new_one_is_complete()
    {
        string path = _temp["file"];
        AtomicFile.WriteText(path, "old");
        AtomicFile.Write(path, stream =>
        {
            stream.WriteByte((byte)'n');
            Assert.Equal("old", File.ReadAllText(path));
        });
        Assert.Equal("n", File.ReadAllText(path));
        Assert.Equal([path], Directory.GetFiles(_temp.Path));
    }

    [Fact]
    public void A_failure_leaves_the_old_file_and_nothing_else()
    {
        string path = _temp["file"];
        AtomicFile.WriteText(path, "old");
        Assert.Throws<InvalidOperationException>(() => AtomicFile.Write(path, _ => throw new InvalidOperationException()));
        Assert.Equal("old", File.ReadAllText(path));
        Assert.Equal([path], Directory.GetFiles(_temp.Path));
    }

    [Fact]
    public void A_full_disk_is_an_error_that_names_the_file()
    {
        string path = _temp["file"];
        string message =
            Assert.Throws<SkipwiseException>(() => AtomicFile.Write(path, _ => throw new IOException("No space left on device"))).Message;
        Assert.StartsWith($"{path}: cannot be written: No space left on device", message);
        Assert.Empty(Directory.GetFiles(_temp.Path));
    }

    /// <summary>.NET has another kind of exception for a file that is larger than the file system allows.</summary>
    [Fact]
    public void A_file_that_is_too_large_is_an_error_that_names_it()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "of Linux, which limits the size of files by the file system");
        string path = _temp["file"];
        Exception? error = Record.Exception(() => AtomicFile.Write(path, stream =>
        {
            stream.Position = 1L << 60;
            stream.WriteByte(1); // is in the buffer: the failure comes when the file is closed
        }));
        Assert.SkipWhen(error is null, "this file system has files of any size");
        Assert.StartsWith($"{path}: cannot be written: the file is larger than ", Assert.IsType<SkipwiseException>(error).Message);
        Assert.Empty(Directory.GetFiles(_temp.Path));
    }

    /// <summary>The disk says no when it is asked whether it has the content. .NET's own flush does not tell.</summary>
    [Theory]
    [InlineData("file")]
    [InlineData("folder")]
    public void A_disk_that_fails_is_an_error_and_the_old_file_stays_unless_the_new_one_is_whole(string synced)
    {
        string path = _temp["file"];
        AtomicFile.WriteText(path, "old");
        FileSystem.Before.Value = (step, at) =>
        {
            if (step == "sync" && Directory.Exists(at) == (synced == "folder"))
            {
                throw new IOException("Input/output error");
            }
        };
        string message = Assert.Throws<SkipwiseException>(() => AtomicFile.WriteText(path, "new")).Message;
        FileSystem.Before.Value = null;
        Assert.StartsWith($"{path}: cannot be written: Input/output error", message);
        Assert.Equal(synced == "file" ? "old" : "new", File.ReadAllText(path));
        Assert.Equal([path], Directory.GetFiles(_temp.Path));
    }

    /// <summary>The system's own answer, not what a test throws: a pipe cannot be brought to a disk.</summary>
    [Fact]
    public void The_answer_to_fsync_is_looked_at()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "fsync is of Unix");
        using var pipe = new AnonymousPipeServerStream(PipeDirection.Out);
        using var handle = new SafeFileHandle(pipe.SafePipeHandle.DangerousGetHandle(), ownsHandle: false);
        using var stream = new FileStream(handle, FileAccess.Write, bufferSize: 0);
        Assert.Contains("Invalid argument", Assert.Throws<IOException>(() => FileSystem.Sync(stream)).Message);
    }

    [Fact]
    public void Content_is_on_the_disk_before_the_name_and_the_name_before_the_end()
    {
        var steps = new List<string>();
        FileSystem.Before.Value = (step, at) => steps.Add($"{step} {(Directory.Exists(at) ? "folder" : "file")}");
        AtomicFile.WriteText(_temp["file"], "x");
        FileSystem.Before.Value = null;
        Assert.Equal(["create file", "sync file", "rename file", "sync folder"], steps);
    }

    [Fact]
    public void Who_reads_the_old_file_goes_on_reading_it()
    {
        string path = _temp["file"];
        AtomicFile.WriteText(path, "old content");
        using var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete));
        AtomicFile.WriteText(path, "new");
        Assert.Equal("old content", reader.ReadToEnd());
    }

    [Fact]
    public void A_link_stays_a_link_and_what_it_leads_to_is_replaced()
    {
        Directory.CreateDirectory(_temp["elsewhere"]);
        string path = _temp["link"], target = _temp["elsewhere/file"];
        File.CreateSymbolicLink(path, "elsewhere/file"); // leads nowhere yet
        foreach (string text in (string[])["one", "two"])
        {
            AtomicFile.WriteText(path, text);
            Assert.Equal("elsewhere/file", new FileInfo(path).LinkTarget);
            Assert.Equal(text, File.ReadAllText(target));
        }
        Assert.Equal([target], Directory.GetFiles(_temp["elsewhere"]));
        File.CreateSymbolicLink(_temp["a"], "b");
        File.CreateSymbolicLink(_temp["b"], "a");
        Assert.Contains("too many links", Assert.Throws<SkipwiseException>(() => AtomicFile.WriteText(_temp["a"], "x")).Message);
    }

    [Fact]
    public void A_device_stays_a_device()
    {
        Assert.SkipUnless(File.Exists("/dev/null"), "this system has no /dev/null");
        File.CreateSymbolicLink(_temp["link"], "/dev/null"); // a privileged user could replace it
        string message = Assert.Throws<SkipwiseException>(() => AtomicFile.WriteText(_temp["link"], "x")).Message;
        Assert.Equal($"{_temp["link"]}: is a device, so no file takes its place. Name a file", message);
    }

    /// <summary>On a folder that many may write to, somebody could put a link under the name that the program is about to use.</summary>
    [Fact]
    public void Nobody_can_foresee_the_temporary_name()
    {
        string path = _temp["file"];
        var names = new HashSet<string>();
        for (int i = 0; i < 20; i++)
        {
            AtomicFile.Write(path, stream => names.Add(stream.Name));
        }
        Assert.Equal(20, names.Count);
        Assert.All(names, name => Assert.Matches(@"/file\.[0-9a-f]{8}\.incomplete$", name.Replace('\\', '/')));
        FileSystem.Before.Value = (step, at) =>
        {
            if (step == "create")
            {
                File.WriteAllText(at, "of somebody else");
            }
        };
        Assert.Contains("already exists", Assert.Throws<SkipwiseException>(() => AtomicFile.WriteText(path, "x")).Message);
        FileSystem.Before.Value = null;
    }

    [Fact]
    public void What_a_killed_process_left_is_removed_and_what_a_living_one_writes_is_not()
    {
        string path = _temp["file"], left = path + ".0123abcd.incomplete", other = path + ".mine.incomplete";
        File.WriteAllText(left, "...");
        File.WriteAllText(other, "...");
        AtomicFile.Write(path, outer => // as if by another process
        {
            Assert.False(File.Exists(left));
            AtomicFile.WriteText(path, "inner");
            outer.WriteByte((byte)'o');
        });
        Assert.Equal("o", File.ReadAllText(path));
        Assert.Equal([path, other], Directory.GetFiles(_temp.Path).Order());
    }

    /// <summary>A user's file is deleted by no resemblance: only eight lower-case hexadecimal digits make a temporary name.</summary>
    [Theory]
    [InlineData("file.0123abcd", true)]
    [InlineData("file.0123abc", false), InlineData("file.0123abcde", false), InlineData("file.0", false)]
    [InlineData("file.0123ABCD", false), InlineData("file.0123abcg", false), InlineData("file.", false), InlineData("file", false)]
    public void A_temporary_name_has_eight_digits(string name, bool isTemporary)
    {
        foreach (string ending in (string[])[AtomicFile.Suffix, AtomicFolder.Replaced])
        {
            Assert.Equal(isTemporary ? _temp["file"] : null, AtomicFile.TargetOf(_temp[name + ending]));
            string left = _temp.Write(name + ending, "...");
            Assert.Equal(isTemporary ? [left] : [], AtomicFile.Leftovers(_temp.Path, "file", ending));
            Assert.Equal(isTemporary ? [left] : [], AtomicFile.Leftovers(_temp.Path, null, ending));
        }
        AtomicFile.WriteText(_temp["file"], "x");
        Assert.Equal(!isTemporary, File.Exists(_temp[name + AtomicFile.Suffix]));
    }

    [Fact]
    public void A_folder_that_does_not_exist_is_an_error_that_names_the_file() =>
        Assert.StartsWith(_temp["none/file"],
            Assert.Throws<SkipwiseException>(() => AtomicFile.WriteText(_temp["none/file"], "x")).Message);
}
