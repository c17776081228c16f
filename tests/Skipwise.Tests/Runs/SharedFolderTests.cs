using Skipwise.Runs;
using Skipwise.Storage;
using Skipwise.Tests.Distributed;

namespace Skipwise.Tests.Runs;

public sealed class SharedFolderTests
{
    /// <summary>A file that is gone before its checksum is known: the rank's own error, which all learn, so that no one waits.</summary>
    [Theory]
    [InlineData(0), InlineData(1)]
    public void An_error_of_the_disk_on_one_rank_is_thrown_on_all(int failing)
    {
        using var temp = new TempFolder();
        string folder = temp["out"];
        string[] errors = ThreadRanks.Run(2, ranks => Assert.Throws<SkipwiseException>(() => SharedFolder.Write(ranks, folder, "test",
            together: _ => [], alone: _ => ranks.Rank == failing ? ["gone.bin"] : [], complete: _ => { })).Message);
        Assert.All(errors, error =>
        {
            Assert.StartsWith($"{folder}: cannot be written: ", error, StringComparison.Ordinal);
            Assert.Contains("gone.bin", error, StringComparison.Ordinal);
            Assert.DoesNotContain(AtomicFile.Suffix, error, StringComparison.Ordinal);
        });
        Assert.Empty(Directory.EnumerateFileSystemEntries(temp.Path, "out*"));
    }

    [Fact]
    public void The_files_of_all_ranks_are_listed()
    {
        using var temp = new TempFolder();
        string folder = temp["out"];
        ThreadRanks.Run(3, ranks =>
        {
            SharedFolder.Write(ranks, folder, "test", together: _ => [],
                alone: inner =>
                {
                    string name = FormattableString.Invariant($"{ranks.Rank}.txt");
                    File.WriteAllText(Path.Combine(inner, name), name);
                    return [name];
                },
                complete: inner => File.WriteAllText(Path.Combine(inner, "last"), ""));
            return true;
        });
        FolderManifest manifest = FolderManifest.Find(folder)!;
        Assert.Equal(["0.txt", "1.txt", "2.txt", "last"], manifest.Files.Keys.Order(StringComparer.Ordinal));
        Assert.Null(manifest.Damage(folder));
    }
}
