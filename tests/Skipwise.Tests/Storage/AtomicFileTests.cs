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
        const string full = "/dev/full"; // Linux: every write to it finds no space
        Assert.SkipUnless(File.Exists(full), "this system has no /dev/full");
        string path = _temp["file"];
        File.CreateSymbolicLink(path + AtomicFile.Suffix, full);
        string message = Assert.Throws<SkipwiseException>(() => AtomicFile.Write(path, stream => stream.Write(new byte[1 << 20]))).Message;
        Assert.StartsWith($"{path}: cannot be written: No space left on device", message);
        Assert.Empty(Directory.GetFiles(_temp.Path));
        Assert.True(File.Exists(full));
    }

    [Fact]
    public void A_folder_that_does_not_exist_is_an_error_that_names_the_file() =>
        Assert.StartsWith(_temp["none/file"], Assert.Throws<SkipwiseException>(() => AtomicFile.WriteText(_temp["none/file"], "x")).Message);
}
