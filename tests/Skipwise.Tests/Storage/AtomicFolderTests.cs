using Skipwise.Storage;

namespace Skipwise.Tests.Storage;

public sealed class AtomicFolderTests : IDisposable
{
    private const string Kind = "model";
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public void Its_own_files_go_and_those_of_others_stay()
    {
        string folder = Written("a", ("one", "1"), ("two", "2"));
        _temp.Write("a/notes.txt", "mine");
        _temp.Write("a/own/deep.txt", "mine too");
        Written("a", ("two", "22"), ("three", "3"));
        Assert.Equal(["notes.txt", "own", "skipwise.json", "three", "two"], Names(folder));
        Assert.Equal("22", File.ReadAllText(_temp["a/two"]));
        Assert.Equal("mine too", File.ReadAllText(_temp["a/own/deep.txt"]));
        Assert.Equal(["a"], Names(_temp.Path));
    }

    [Fact]
    public void A_file_that_has_changed_stays_when_its_folder_is_deleted()
    {
        string folder = Written("a", ("one", "1"), ("two", "2"));
        _temp.Write("a/two", "a user's own words");
        AtomicFolder.Delete(folder);
        Assert.Equal(["two"], Names(folder));
        Assert.Equal(["a"], Names(_temp.Path));
    }

    /// <summary>Who deletes a file of a folder has not changed it: there is nothing of theirs to lose.</summary>
    [Fact]
    public void A_folder_that_lost_files_is_replaced_and_deleted()
    {
        string folder = Written("a", ("one", "1"), ("two", "2"));
        File.Delete(_temp["a/one"]);
        AtomicFolder.RequireReplaceable(folder, Kind);
        Written("a", ("three", "3"));
        Assert.Equal(["skipwise.json", "three"], Names(folder));
        File.Delete(_temp["a/three"]);
        AtomicFolder.Delete(folder);
        Assert.Empty(Names(_temp.Path));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Its_new_name_is_on_the_disk_before_the_end(bool replaces)
    {
        if (replaces)
        {
            Written("a", ("one", "1"));
        }
        var steps = new List<string>();
        string parent = RealPath.Resolve(_temp.Path);
        FileSystem.Before.Value = (step, at) => steps.Add(at == parent ? $"{step} parent" : step);
        Written("a", ("one", "2"));
        FileSystem.Before.Value = null;
        Assert.Equal("sync parent", steps[steps.FindLastIndex(step => step is "move" or "exchange") + 1]);
    }

    [Fact]
    public void What_Skipwise_did_not_write_is_refused_and_untouched()
    {
        _temp.Write("model/config.json", "{}"); // of another program
        _temp.Write("model/model.safetensors", "weights");
        Refused("model", "Skipwise did not write it");
        _temp.Write("file", "x");
        Refused("file", "is a file");
        Written("other", "adapter", ("one", "1"));
        Refused("other", "of another kind (adapter)");
        Written("changed", ("one", "1"));
        _temp.Write("changed/one", "2"); // by somebody else, as long as before
        Refused("changed", "one: has changed since Skipwise wrote it");
        Written("hidden", ("one", "1"));
        _temp.Write("hidden/new", "mine");
        Refused("hidden", "new: Skipwise did not write it");
        _temp.Write("marked/skipwise.json", "[]"); // of another program of that name
        Refused("marked", "Skipwise did not write it");
    }

    [Fact]
    public void Through_a_link_the_folder_that_it_leads_to_is_replaced()
    {
        Directory.CreateDirectory(_temp["disk"]);
        Directory.CreateSymbolicLink(_temp["link"], "disk/real");
        Written("link", ("one", "1"));
        _temp.Write("disk/real/notes.txt", "mine");
        Written("link", ("two", "2"));
        Assert.Equal("disk/real", new FileInfo(_temp["link"]).LinkTarget);
        Assert.Equal(["notes.txt", "skipwise.json", "two"], Names(_temp["disk/real"]));
        Assert.Equal(["real"], Names(_temp["disk"]));
    }

    [Fact]
    public void Two_at_once_are_one_too_many()
    {
        AtomicFolder.Write(_temp["a"], Kind, inner =>
        {
            string message = Assert.Throws<SkipwiseException>(() => Written("a", ("two", "2"))).Message;
            Assert.StartsWith($"{_temp["a"]}: is being written by another process", message);
            File.WriteAllText(Path.Combine(inner, "one"), "1");
        });
        Assert.Equal(["one", "skipwise.json"], Names(_temp["a"]));
        Assert.Equal(["a"], Names(_temp.Path));
    }

    /// <summary>
    /// The process dies before the n-th step, for every n, on a system that exchanges names and on one that does not. The next to write
    /// finds either the whole old folder or the whole new one, with the user's notes; then it does its work, and nothing is left beside.
    /// </summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_process_that_dies_at_any_step_loses_nothing(bool exchanges)
    {
        int steps = 0;
        for (bool died = true; died; steps++)
        {
            string name = $"{exchanges}-{steps}", folder = Written(name + "/a", ("one", "old"), ("gone", "old"));
            _temp.Write(name + "/a/notes.txt", "mine");
            died = Dies(steps, exchanges, () => Written(name + "/a", ("one", "new"), ("two", "new")));
            // Until somebody writes there again the notes lie under some name, and the folder's own name shows nothing half.
            Assert.Single(Directory.EnumerateFiles(_temp[name], "notes.txt", SearchOption.AllDirectories));
            if (Directory.Exists(folder))
            {
                Assert.Null(FolderManifest.Find(folder)!.Damage(folder));
            }
            AtomicFolder.RecoverIn(_temp[name]);
            Assert.Null(FolderManifest.Find(folder)!.Damage(folder));
            Assert.Equal("mine", File.ReadAllText(Path.Combine(folder, "notes.txt")));
            Written(name + "/a", ("one", "last"));
            Assert.Equal(["notes.txt", "one", "skipwise.json"], Names(folder));
            Assert.Equal(["a"], Names(_temp[name]));
        }
        Assert.InRange(steps, 15, 60);
    }

    [Fact]
    public void A_process_that_dies_while_it_deletes_leaves_all_or_nothing_under_the_name()
    {
        int steps = 0;
        for (bool died = true; died; steps++)
        {
            string name = $"{steps}", folder = Written(name + "/a", ("one", "1"), ("two", "2"));
            _temp.Write(name + "/a/notes.txt", "mine");
            died = Dies(steps, true, () => AtomicFolder.Delete(folder));
            AtomicFolder.RecoverIn(_temp[name]);
            Assert.Equal("mine", File.ReadAllText(Path.Combine(folder, "notes.txt")));
            Assert.True(Names(folder) is ["notes.txt"] or ["notes.txt", "one", "skipwise.json", "two"]);
            Assert.Equal(["a"], Names(_temp[name]));
        }
        Assert.InRange(steps, 5, 20);
    }

    /// <summary>As before, but the step fails and the process lives to tidy up.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_step_that_fails_leaves_the_old_folder_or_the_new_one_and_nothing_beside(bool exchanges)
    {
        int steps = 0;
        for (bool failed = true; failed; steps++)
        {
            string name = $"{exchanges}-{steps}", folder = Written(name + "/a", ("one", "old"));
            int left = steps;
            FileSystem.Before.Value = (step, _) => Step(step, exchanges, () => left-- == 0 ? new IOException("no") : null);
            string? message = Record.Exception(() => Written(name + "/a", ("one", "new")))?.Message;
            FileSystem.Before.Value = null;
            failed = left < 0;
            Assert.True(message is null || message.StartsWith(folder, StringComparison.Ordinal), message);
            Assert.Null(FolderManifest.Find(folder)!.Damage(folder));
            AtomicFolder.RecoverIn(_temp[name]);
            Assert.Equal(["a"], Names(_temp[name]));
        }
        Assert.InRange(steps, 10, 60);
    }

    [Fact]
    public void A_damaged_file_is_found()
    {
        string folder = Written("a", ("one", "1"), ("two", "22"));
        FolderManifest manifest = FolderManifest.Find(folder)!;
        Assert.Null(manifest.Damage(folder));
        _temp.Write("a/two", "23");
        Assert.StartsWith($"{_temp["a/two"]}: is damaged: expected 2 bytes with checksum ", manifest.Damage(folder));
        File.Delete(_temp["a/two"]);
        Assert.Equal($"{_temp["a/two"]}: is missing", manifest.Damage(folder));
    }

    /// <summary>A network file system shows a name for a while after another host has renamed the file.</summary>
    [Fact]
    public void Temporary_names_of_files_are_not_listed()
    {
        foreach (string name in (string[])["a.bin", "a.bin.0123abcd.incomplete", "b.0123abcd.bin", "my.incomplete"])
        {
            _temp.Write($"folder/{name}", "");
        }
        Assert.Equal(["a.bin", "b.0123abcd.bin", "my.incomplete"], FolderManifest.Create(_temp["folder"], "test").Files.Keys);
    }

    [Fact]
    public void The_checksum_is_CRC_32C() => // RFC 3720, B.4: 32 bytes of zeros, of ones; and the usual check word
        Assert.Equal((0x8A9136AAu, 0x62A8AB43u, 0xE3069283u),
            (Crc32CChecksum.Compute(new byte[32]), Crc32CChecksum.Compute([.. Enumerable.Repeat((byte)0xFF, 32)]),
                Crc32CChecksum.Compute("123456789"u8)));

    private string Written(string name, params (string Name, string Text)[] files) => Written(name, Kind, files);

    private string Written(string name, string kind, params (string Name, string Text)[] files)
    {
        AtomicFolder.Write(_temp[name], kind, inner =>
        {
            foreach ((string file, string text) in files)
            {
                AtomicFile.WriteText(Path.Combine(inner, file), text);
            }
        });
        return _temp[name];
    }

    private void Refused(string name, string words)
    {
        string[] before = [.. Everything()];
        Assert.Contains(words, Assert.Throws<SkipwiseException>(() => Written(name, ("new", "n"))).Message);
        Assert.Equal(before, Everything());
    }

    private IEnumerable<string> Everything() =>
        Directory.EnumerateFiles(_temp.Path, "*", SearchOption.AllDirectories).Order().Select(file => $"{file}: {File.ReadAllText(file)}");

    private static string[] Names(string folder) =>
        [.. Directory.GetFileSystemEntries(folder).Select(entry => Path.GetFileName(entry)!).Order(StringComparer.Ordinal)];

    /// <summary>Nothing more happens on the disk from the n-th step on.</summary>
    private static bool Dies(int steps, bool exchanges, Action work)
    {
        int left = steps;
        FileSystem.Before.Value = (step, _) => Step(step, exchanges, () => left-- <= 0 ? new Death() : null);
        try
        {
            work();
            return false;
        }
        catch (Death)
        {
            return true;
        }
        finally
        {
            FileSystem.Before.Value = null;
        }
    }

    private static void Step(string step, bool exchanges, Func<Exception?> fault)
    {
        if (fault() is { } exception)
        {
            throw exception;
        }
        if (step == "exchange" && !exchanges)
        {
            throw new EntryPointNotFoundException();
        }
    }

    private sealed class Death : Exception;
}
