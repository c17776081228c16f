using System.Collections.Concurrent;
using System.Net;
using Skipwise.Hub;
using Skipwise.Recipes;

namespace Skipwise.Tests.Hub;

/// <summary>What earlier processes, other programs and proxies left or send in place of a file is no reason to fail for ever.</summary>
public sealed class PullRepairTests : IDisposable
{
    private readonly PullFixture _fixture = new();

    private FakeHub Hub => _fixture.Hub;

    private byte[] Content => Hub.Large[PullFixture.First];

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public void A_link_to_a_blob_that_is_gone_is_made_good()
    {
        string folder = _fixture.Pull().Folder;
        File.Delete(_fixture.Blob(Content));
        Assert.Equal(Content.Length, _fixture.Pull().Downloaded);
        _fixture.IsWhole(folder);
        File.Delete(Path.Combine(_fixture.Repository, "blobs", FakeHub.GitHash(Hub.Small["config.json"])));
        Assert.Null(HubCache.Find(_fixture.Settings.Cache, HubModelId.Parse(FakeHub.Model)));
    }

    [Fact]
    public void A_damaged_blob_is_not_copied_again_and_again()
    {
        _fixture.Pull();
        File.WriteAllBytes(_fixture.Blob(Content), new byte[Content.Length]);
        string own = Path.Combine(_fixture.Home, "own");
        Assert.Equal(Content.Length, _fixture.Pull(folder: own).Downloaded);
        _fixture.IsWhole(own);
    }

    [Fact]
    public void A_damaged_beginning_is_given_up()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_fixture.Blob(Content))!);
        File.WriteAllBytes(_fixture.Blob(Content) + ".incomplete", new byte[1_000_000]);
        _fixture.IsWhole(_fixture.Pull().Folder);
        Assert.Equal(["bytes=1000000-", ""], Hub.Ranges(PullFixture.First));
    }

    [Fact]
    public void A_page_of_a_proxy_costs_nothing_that_was_there()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_fixture.Blob(Content))!);
        File.WriteAllBytes(_fixture.Blob(Content) + ".incomplete", Content[..1_000_000]);
        int left = 2;
        Hub.Intercept = context =>
        {
            bool isPage = context.Request.Url!.Port == Hub.StoragePort
                && context.Request.Url.AbsolutePath.EndsWith(PullFixture.First, StringComparison.Ordinal)
                && Interlocked.Decrement(ref left) >= 0;
            if (isPage)
            {
                context.Response.ContentLength64 = 5;
                context.Response.Close("login"u8.ToArray(), willBlock: true);
            }
            return isPage;
        };
        PulledModel pulled = _fixture.Pull();
        _fixture.IsWhole(pulled.Folder);
        Assert.Equal(pulled.Bytes - 1_000_000, pulled.Downloaded);
        Assert.Equal(Enumerable.Repeat("bytes=1000000-", 3), Hub.Ranges(PullFixture.First));
    }

    [Fact]
    public void The_hub_s_own_limit_is_waited_for()
    {
        int left = 1;
        Hub.Intercept = context =>
        {
            bool refuses = Interlocked.Decrement(ref left) >= 0;
            if (refuses)
            {
                FakeHub.Refuse(context, 429, "", ("RateLimit", "\"api\";r=0;t=55"));
            }
            return refuses;
        };
        var waits = new ConcurrentQueue<TimeSpan>();
        _fixture.Settings = _fixture.Settings with { Wait = Waited };
        _fixture.IsWhole(_fixture.Pull().Folder);
        Assert.Equal([TimeSpan.FromSeconds(56)], waits);

        Task Waited(TimeSpan wait, CancellationToken stop)
        {
            waits.Enqueue(wait);
            return Task.CompletedTask;
        }
    }

    [Fact]
    public void A_cache_that_has_all_is_not_written_to()
    {
        _fixture.Pull();
        string locks = Path.Combine(_fixture.Settings.Cache, ".locks");
        Directory.Delete(locks, recursive: true);
        File.WriteAllText(locks, ""); // so that a lock would fail
        Assert.Equal(0, _fixture.Pull().Downloaded);
    }

    [Fact]
    public void Files_of_equal_content_are_fetched_once_and_wait_for_nobody()
    {
        string[] equal = ["special_tokens_map.json", "added_tokens.json", "generation_config.json"];
        foreach (string name in equal)
        {
            Hub.Small[name] = "{\"equal\": 1}"u8.ToArray();
        }
        string folder = _fixture.Pull().Folder;
        Assert.All(equal, name => Assert.Equal("{\"equal\": 1}", File.ReadAllText(Path.Combine(folder, name))));
        Assert.DoesNotContain(_fixture.Notes, note => note.Contains("another process", StringComparison.Ordinal));
        Assert.Single(Hub.Requests, request => equal.Any(name => request.Path.EndsWith($"/{name}", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_mirror_that_does_not_know_the_commit_is_told()
    {
        Hub.Intercept = context =>
        {
            bool isOther = context.Request.Url!.AbsolutePath.EndsWith(new string('b', 40), StringComparison.Ordinal);
            if (isOther)
            {
                FakeHub.Refuse(context, (int)HttpStatusCode.TemporaryRedirect, "",
                    ("Location", $"/api/models/{FakeHub.Model}/revision/main?blobs=true"));
            }
            return isOther;
        };
        Assert.Contains($"answers with the files of {Hub.Commit}", _fixture.Refused($"{FakeHub.Model}@{new string('b', 40)}"));
        Assert.False(Directory.Exists(_fixture.Repository));
    }

    [Fact]
    public void A_path_is_no_name_of_the_hub()
    {
        Assert.Equal("models/tiny.gguf", ModelFolder.Resolve("models/tiny.gguf"));
        string folder = Path.GetFileName(Directory.GetDirectories(Directory.GetCurrentDirectory())[0]);
        Assert.Equal($"{folder}/pose", ModelFolder.Resolve($"{folder}/pose"));
        Assert.Contains("skipwise pull no-such-folder/pose",
            Assert.Throws<SkipwiseException>(() => ModelFolder.Resolve("no-such-folder/pose")).Message);
    }
}
