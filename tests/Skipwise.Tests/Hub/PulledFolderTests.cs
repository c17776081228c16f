using Skipwise.Recipes;

namespace Skipwise.Tests.Hub;

/// <summary>A download into a folder of the user's: complete or no model, and nothing of others is touched.</summary>
public sealed class PulledFolderTests : IDisposable
{
    private readonly PullFixture _fixture = new();

    private FakeHub Hub => _fixture.Hub;

    private string Own => Path.Combine(_fixture.Home, "own");

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public void Files_are_files_and_what_is_there_is_checked_and_kept()
    {
        PulledModel pulled = _fixture.Pull(folder: Own);
        Assert.Equal(Own, pulled.Folder);
        _fixture.IsWhole(Own);
        Assert.All(Directory.GetFiles(Own), file => Assert.Null(new FileInfo(file).LinkTarget));
        Assert.False(Directory.Exists(_fixture.Repository));
        File.WriteAllText(Path.Combine(Own, "mine.txt"), "mine");
        var isModel = new List<bool>(); // while all of it is read
        Assert.Equal(0, _fixture.Pull(folder: Own, progress: new SynchronousProgress<PullProgress>(
            _ => isModel.Add(File.Exists(Path.Combine(Own, "config.json"))))).Downloaded);
        Assert.NotEmpty(isModel);
        Assert.DoesNotContain(false, isModel);
        Assert.Equal("mine", File.ReadAllText(Path.Combine(Own, "mine.txt")));
        File.Delete(Path.Combine(Own, "mine.txt"));
        _fixture.IsWhole(Own);
    }

    [Fact]
    public void What_the_cache_has_is_copied()
    {
        _fixture.Pull();
        Assert.Equal(0, _fixture.Pull(folder: Own).Downloaded);
        _fixture.IsWhole(Own);
    }

    [Fact]
    public void A_stopped_download_goes_on()
    {
        Hub.Cuts[PullFixture.First] = new([1_000_000, .. Enumerable.Repeat(0, 100)]);
        _fixture.Refused(folder: Own);
        string stale = Path.Combine(Own, $"{PullFixture.First}.0123abcd.incomplete"), other = Path.Combine(Own, "x.0123abcd.incomplete");
        File.WriteAllText(stale, "of another commit");
        File.WriteAllText(other, "of another program");
        Assert.False(File.Exists(Path.Combine(Own, "config.json")));
        Hub.Cuts.Clear();
        Hub.Requests.Clear();
        _fixture.Pull(folder: Own);
        Assert.False(File.Exists(stale));
        File.Delete(other);
        _fixture.IsWhole(Own);
        Assert.Equal("bytes=1000000-", Assert.Single(Hub.Ranges(PullFixture.First)));
    }

    [Fact]
    public void Commits_do_not_mix()
    {
        _fixture.Pull(folder: Own);
        Hub.Commit = new('b', 40);
        Hub.Small["model.safetensors.index.json"] = PullFixture.Index("a", "model.safetensors-1.safetensors");
        Hub.Large["model.safetensors-1.safetensors"] = [1, 2, 3];
        Hub.Intercept = context =>
        {
            bool isNew = context.Request.Url!.AbsolutePath.EndsWith("-1.safetensors", StringComparison.Ordinal);
            if (isNew)
            {
                FakeHub.Refuse(context, 500);
            }
            return isNew;
        };
        _fixture.Refused(folder: Own);
        Assert.False(File.Exists(Path.Combine(Own, "config.json"))); // old weights and a new index are no model
        Hub.Intercept = null;
        _fixture.Pull(folder: Own);
        Assert.Equal(
            ["config.json", "model.safetensors-1.safetensors", "model.safetensors.index.json", "skipwise.json", "tokenizer.json"],
            Directory.GetFiles(Own).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    /// <summary>Two configurations, of which one has changed: the other one comes back.</summary>
    [Fact]
    public void A_configuration_that_has_not_changed_is_kept()
    {
        Hub.Small.Remove("model.safetensors.index.json");
        Hub.Large.Clear();
        Hub.Small["adapter_config.json"] = "{\"r\": 8}"u8.ToArray();
        Hub.Large["adapter_model.safetensors"] = [1, 2, 3];
        _fixture.Pull(folder: Own);
        Hub.Commit = new('c', 40);
        Hub.Small["adapter_config.json"] = "{\"r\": 16}"u8.ToArray();
        _fixture.Pull(folder: Own);
        Assert.Equal("{}", File.ReadAllText(Path.Combine(Own, "config.json")));
        Assert.Equal("{\"r\": 16}", File.ReadAllText(Path.Combine(Own, "adapter_config.json")));
        Assert.Empty(Directory.GetFiles(Own, "*.incomplete"));
    }

    [Fact]
    public void What_others_wrote_is_not_replaced()
    {
        Directory.CreateDirectory(Own);
        File.WriteAllText(Path.Combine(Own, "config.json"), "mine");
        Assert.Contains("Skipwise did not write it", _fixture.Refused(folder: Own));
        File.Delete(Path.Combine(Own, "config.json"));
        _fixture.Pull(folder: Own);
        File.WriteAllText(Path.Combine(Own, "tokenizer.json"), "mine");
        Assert.Contains("tokenizer.json: is not as Skipwise wrote it", _fixture.Refused(folder: Own));
        Assert.Equal("mine", File.ReadAllText(Path.Combine(Own, "tokenizer.json")));
    }

    [Fact]
    public void A_damaged_download_is_replaced_after_it_is_moved_away()
    {
        _fixture.Pull(folder: Own);
        string weights = Path.Combine(Own, PullFixture.First);
        byte[] bytes = File.ReadAllBytes(weights);
        bytes[5]++;
        File.WriteAllBytes(weights, bytes);
        Assert.Contains($"{PullFixture.First}: is not as Skipwise wrote it", _fixture.Refused(folder: Own));
        File.Delete(weights);
        Assert.Equal(bytes.Length, _fixture.Pull(folder: Own).Downloaded);
        _fixture.IsWhole(Own);
    }
}
