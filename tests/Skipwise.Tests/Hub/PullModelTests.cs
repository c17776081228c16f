using System.Collections.Concurrent;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Hub;
using Skipwise.Recipes;
using Skipwise.Storage;

namespace Skipwise.Tests.Hub;

/// <summary>A model is downloaded as a whole, whatever happens on the way, and nothing else is.</summary>
public sealed class PullModelTests : IDisposable
{
    private readonly PullFixture _fixture = new();

    private FakeHub Hub => _fixture.Hub;

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public void Files_that_are_read_land_in_the_cache_as_Python_lays_it_out()
    {
        string[] others = ["consolidated.safetensors", "pytorch_model.bin", "tiny-q4.gguf", "onnx/model.onnx", "flax.msgpack"];
        foreach (string other in others)
        {
            Hub.Large[other] = [1, 2, 3];
        }
        Hub.Small["README.md"] = Hub.Small["modeling.py"] = Hub.Small["pytorch_model.bin.index.json"] = [1];
        PulledModel pulled = _fixture.Pull();
        _fixture.IsWhole(pulled.Folder);
        Assert.Equal(_fixture.Snapshot, pulled.Folder);
        Assert.Equal(("org/tiny", "main", Hub.Commit, 5), (pulled.Model, pulled.Revision, pulled.Commit, pulled.Files));
        Assert.Equal(pulled.Bytes, pulled.Downloaded);
        Assert.Equal($"../../blobs/{FakeHub.Sha256(Hub.Large[PullFixture.First])}",
            new FileInfo(Path.Combine(pulled.Folder, PullFixture.First)).LinkTarget);
        Assert.Equal($"../../blobs/{FakeHub.GitHash(Hub.Small["config.json"])}",
            new FileInfo(Path.Combine(pulled.Folder, "config.json")).LinkTarget);
        Assert.Equal(Hub.Commit, File.ReadAllText(Path.Combine(_fixture.Repository, "refs", "main")));
        Assert.Equal(5, Directory.GetFiles(Path.Combine(_fixture.Repository, "blobs")).Length);

        Hub.Requests.Clear();
        Assert.Equal(0, _fixture.Pull().Downloaded);
        Assert.Equal($"/api/models/org/tiny/revision/main", Assert.Single(Hub.Requests).Path);
    }

    [Fact]
    public void The_token_is_the_hub_s_alone()
    {
        _fixture.Pull();
        Assert.All(Hub.Requests, request => Assert.Equal(request.OfStorage ? null : "Bearer hf_secret", request.Authorization));
        Assert.Equal(2, Hub.Requests.Count(request => request.OfStorage));
        Hub.Requests.Clear();
        Hub.Intercept = context =>
        {
            Uri address = context.Request.Url!;
            bool asks = address.Port == Hub.HubPort && address.AbsolutePath.StartsWith("/api", StringComparison.Ordinal);
            if (asks)
            {
                FakeHub.Refuse(context, 307, "", ("Location", $"http://127.0.0.1:{Hub.StoragePort}{address.PathAndQuery}"));
            }
            return asks;
        };
        _fixture.Pull();
        Assert.Null(Hub.Requests.Single(request => request.OfStorage).Authorization);
    }

    [Theory]
    [InlineData("https://hub.example/", "https://hub.example/a", true), InlineData("http://127.0.0.1:8/", "http://127.0.0.1:8/a", true)]
    [InlineData("http://hub.example/", "http://hub.example/a", false), InlineData("https://hub.example/", "http://hub.example/a", false)]
    [InlineData("https://hub.example/", "https://hub.example.org/a", false)]
    [InlineData("https://hub.example/", "https://hub.example:8443/a", false)]
    public void The_token_does_not_go_where_others_read_it(string endpoint, string address, bool goes) =>
        Assert.Equal(goes, HubClient.MayHaveToken(new Uri(endpoint), new Uri(address)));

    [Fact]
    public void A_hub_that_is_not_there_is_told()
    {
        Hub.Dispose();
        string message = _fixture.Refused();
        Assert.Contains($"127.0.0.1:{Hub.HubPort}", message);
        Assert.Contains("Check the connection", message);
        Assert.Equal(HubRetry.MostTries - 1, _fixture.Notes.Count);
    }

    [Fact]
    public void Several_files_come_at_once()
    {
        using var both = new Barrier(2);
        bool met = true;
        Hub.BeforeBody = _ => met &= both.SignalAndWait(TimeSpan.FromSeconds(20));
        _fixture.IsWhole(_fixture.Pull().Folder);
        Assert.True(met);
    }

    [Fact]
    public void A_cut_is_gone_on_from()
    {
        Hub.Cuts[PullFixture.First] = new([1_200_000, 700_000]);
        var told = new ConcurrentQueue<PullProgress>();
        PulledModel pulled = _fixture.Pull(progress: new SynchronousProgress<PullProgress>(told.Enqueue));
        _fixture.IsWhole(pulled.Folder);
        Assert.Equal(["", "bytes=1200000-", "bytes=1900000-"], Hub.Ranges(PullFixture.First));
        Assert.Equal(pulled.Bytes, pulled.Downloaded);
        Assert.Equal((pulled.Bytes, pulled.Bytes), (told.Last().Done, told.Last().Total));
        Assert.Equal(2, _fixture.Notes.Count(note => note.Contains("trying again", StringComparison.Ordinal)));
    }

    [Fact]
    public void Cuts_without_any_progress_end()
    {
        Hub.Cuts[PullFixture.First] = new(Enumerable.Repeat(0, 100));
        string message = _fixture.Refused();
        Assert.Contains($"{PullFixture.First}: ", message);
        Assert.Contains("6 times in a row", message);
        Assert.False(File.Exists(Path.Combine(_fixture.Snapshot, "config.json"))); // so nobody takes it for a model
        Hub.Cuts.Clear();
        _fixture.IsWhole(_fixture.Pull().Folder);
    }

    /// <summary>What a killed process leaves is the beginning of a file under this name; Python's too.</summary>
    [Theory]
    [InlineData(true), InlineData(false)]
    public void What_is_there_is_not_downloaded_again(bool knowsRanges)
    {
        Hub.KnowsRanges = knowsRanges;
        byte[] content = Hub.Large[PullFixture.First];
        Directory.CreateDirectory(Path.GetDirectoryName(_fixture.Blob(content))!);
        File.WriteAllBytes(_fixture.Blob(content) + ".incomplete", content[..1_000_000]);
        PulledModel pulled = _fixture.Pull();
        _fixture.IsWhole(pulled.Folder);
        Assert.Equal("bytes=1000000-", Assert.Single(Hub.Ranges(PullFixture.First)));
        Assert.Equal(pulled.Bytes - (knowsRanges ? 1_000_000 : 0), pulled.Downloaded);
    }

    [Fact]
    public void A_wrong_content_is_deleted_and_told()
    {
        Hub.Altered[PullFixture.First] = [.. Hub.Large[PullFixture.First].Select(one => (byte)~one)];
        string message = _fixture.Refused();
        Assert.Contains($"{PullFixture.First} is not what the hub lists", message);
        Assert.Contains(FakeHub.Sha256(Hub.Large[PullFixture.First]), message);
        Assert.DoesNotContain(Directory.GetFiles(Path.Combine(_fixture.Repository, "blobs")),
            file => file.Contains(FakeHub.Sha256(Hub.Large[PullFixture.First]), StringComparison.Ordinal));
        Hub.Altered.Clear();
        Hub.Altered["tokenizer.json"] = "{\"a\": 2}"u8.ToArray();
        Directory.Delete(_fixture.Repository, recursive: true);
        Assert.Contains("tokenizer.json is not what the hub lists", _fixture.Refused());
        Hub.Altered.Clear();
        _fixture.IsWhole(_fixture.Pull().Folder);
    }

    [Fact]
    public void A_file_that_is_longer_or_shorter_than_listed_is_refused()
    {
        byte[] content = Hub.Large[PullFixture.First];
        Hub.Altered[PullFixture.First] = [.. content, 1];
        Assert.Contains("sends 3000001 bytes in place of 3000000", _fixture.Refused());
        Hub.Altered[PullFixture.First] = content[..^1];
        Assert.Contains(PullFixture.First, _fixture.Refused());
    }

    [Theory]
    [InlineData(429, "7", 7), InlineData(429, null, 1), InlineData(503, "2", 2), InlineData(500, null, 1), InlineData(408, null, 1)]
    public void A_busy_hub_is_waited_for(int status, string? after, int seconds)
    {
        int left = 2;
        Hub.Intercept = context =>
        {
            bool refuses = Interlocked.Decrement(ref left) >= 0;
            if (refuses)
            {
                FakeHub.Refuse(context, status, "", after is null ? [] : [("Retry-After", after)]);
            }
            return refuses;
        };
        var waits = new ConcurrentQueue<TimeSpan>();
        _fixture.Settings = _fixture.Settings with { Wait = Waited };
        _fixture.IsWhole(_fixture.Pull().Folder);
        Assert.Equal([seconds, after is null ? 2 * seconds : seconds], waits.Select(wait => (int)wait.TotalSeconds));

        Task Waited(TimeSpan wait, CancellationToken stop)
        {
            waits.Enqueue(wait);
            return Task.CompletedTask;
        }
    }

    [Theory]
    [InlineData("100000", "asks to wait 1667 min"), InlineData("1", "6 times in a row")]
    public void A_hub_that_stays_busy_is_given_up(string after, string complaint)
    {
        Hub.Intercept = context =>
        {
            FakeHub.Refuse(context, 429, "", ("Retry-After", after));
            return true;
        };
        Assert.Contains(complaint, _fixture.Refused());
        Assert.InRange(Hub.Requests.Count, 1, HubRetry.MostTries);
    }

    [Fact]
    public void A_silent_server_counts_as_cut()
    {
        using var release = new ManualResetEventSlim();
        int calls = 0;
        Hub.BeforeBody = _ =>
        {
            if (Interlocked.Increment(ref calls) == 1)
            {
                release.Wait(TimeSpan.FromSeconds(30));
            }
        };
        _fixture.Settings = _fixture.Settings with { Patience = TimeSpan.FromSeconds(1) };
        _fixture.IsWhole(_fixture.Pull().Folder);
        release.Set();
        Assert.Contains(_fixture.Notes, note => note.Contains("has been silent for 1 s", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(401, "GatedRepo", "is gated", "/org/tiny"), InlineData(403, "GatedRepo", "Accept its terms", "HF_TOKEN")]
    [InlineData(401, "RepoNotFound", "no such model", "private"), InlineData(403, "", "access is refused", "terms")]
    [InlineData(404, "RepoNotFound", "no such model", "404"), InlineData(404, "RevisionNotFound", "no revision main", "/tree/main")]
    [InlineData(400, "", "answers 400", "address of a hub")]
    public void A_refusal_says_what_to_do(int status, string code, params string[] hints)
    {
        Hub.Intercept = context =>
        {
            FakeHub.Refuse(context, status, code);
            return true;
        };
        string message = _fixture.Refused();
        Assert.StartsWith("org/tiny: ", message);
        Assert.All(hints, hint => Assert.Contains(hint, message));
        Assert.DoesNotContain("hf_secret", message);
        Assert.Single(Hub.Requests);
        _fixture.Settings = _fixture.Settings with { Token = null };
        Assert.DoesNotContain("the token of", _fixture.Refused());
    }

    /// <summary>The list of a gated model is public, its files are not.</summary>
    [Fact]
    public void A_gated_model_is_told_by_its_files_too()
    {
        Hub.Intercept = context =>
        {
            bool isFile = context.Request.Url!.AbsolutePath.Contains("/resolve/", StringComparison.Ordinal);
            if (isFile)
            {
                FakeHub.Refuse(context, 403, "GatedRepo");
            }
            return isFile;
        };
        Assert.Contains($"Accept its terms at {Hub.Endpoint}/org/tiny", _fixture.Refused());
    }

    [Fact]
    public void A_mirror_that_lists_names_alone_is_asked_for_headers()
    {
        Hub.Describes = false;
        _fixture.IsWhole(_fixture.Pull().Folder);
        Assert.Equal(5, Hub.Requests.Count(request => request.Method == "HEAD"));
    }

    [Fact]
    public void Offline_the_cache_is_enough()
    {
        string folder = _fixture.Pull().Folder;
        _fixture.Settings = _fixture.Settings with { IsOffline = true };
        Hub.Requests.Clear();
        PulledModel pulled = _fixture.Pull();
        Assert.Equal((folder, 0L, Hub.Commit), (pulled.Folder, pulled.Downloaded, pulled.Commit));
        _fixture.Pull(folder: Path.Combine(_fixture.Home, "own"));
        _fixture.IsWhole(Path.Combine(_fixture.Home, "own"));
        Assert.Contains("is not in the Hugging Face cache", _fixture.Refused("org/other"));
        File.Delete(Path.Combine(folder, PullFixture.Second));
        Assert.Contains($"no file \"{PullFixture.Second}\". HF_HUB_OFFLINE is set", _fixture.Refused());
        Assert.Empty(Hub.Requests);
    }

    /// <summary>Newer versions of Python's cache keep contents once for all models.</summary>
    [Fact]
    public void Contents_that_models_share_are_found()
    {
        byte[] content = Hub.Large[PullFixture.First];
        string shared = Path.Combine(_fixture.Settings.Cache, "blobs", "ab", new string('b', 64));
        Directory.CreateDirectory(Path.GetDirectoryName(shared)!);
        File.WriteAllBytes(shared, content);
        Directory.CreateDirectory(Path.GetDirectoryName(_fixture.Blob(content))!);
        File.CreateSymbolicLink(_fixture.Blob(content), Path.Combine("..", "..", "blobs", "ab", new string('b', 64)));
        PulledModel pulled = _fixture.Pull();
        _fixture.IsWhole(pulled.Folder);
        Assert.Equal(pulled.Bytes - content.Length, pulled.Downloaded);
        Assert.Null(CompanionFiles.Elsewhere(pulled.Folder, Path.Combine(pulled.Folder, PullFixture.First)));
    }

    [Fact]
    public void A_new_commit_is_another_snapshot_that_shares_what_is_equal()
    {
        string before = _fixture.Pull().Folder;
        Hub.Commit = new('b', 40);
        Hub.Large[PullFixture.Second] = PullFixture.Bytes(5, 1_000_000);
        PulledModel pulled = _fixture.Pull();
        _fixture.IsWhole(pulled.Folder);
        Assert.Equal(1_000_000, pulled.Downloaded);
        Assert.True(File.Exists(Path.Combine(before, PullFixture.Second)));
        Assert.Equal(pulled.Folder, HubCache.Find(_fixture.Settings.Cache, HubModelId.Parse("org/tiny")));
        Assert.Equal(before, HubCache.Find(_fixture.Settings.Cache, HubModelId.Parse($"org/tiny@{new string('a', 40)}")));
    }

    [Fact]
    public void An_adapter_is_its_own_files()
    {
        Hub.Small.Clear();
        Hub.Large.Clear();
        Hub.Small["adapter_config.json"] = Hub.Small["tokenizer_config.json"] = "{}"u8.ToArray();
        Hub.Large["adapter_model.safetensors"] = Hub.Large["adapter_model.bin"] = Hub.Large["optimizer.pt"] = [1, 2];
        Assert.Equal(["adapter_config.json", "adapter_model.safetensors", "tokenizer_config.json"],
            Directory.GetFiles(_fixture.Pull().Folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Weights_of_PyTorch_come_if_there_are_no_others()
    {
        Hub.Small.Remove("model.safetensors.index.json");
        Hub.Large["pytorch_model.bin"] = [1, 2];
        Assert.Equal(["config.json", "pytorch_model.bin", "tokenizer.json"],
            Directory.GetFiles(_fixture.Pull().Folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Hub.Large.Remove("pytorch_model.bin");
        Hub.Large["tiny.gguf"] = [1];
        Assert.Contains("GGUF alone (tiny.gguf)", _fixture.Refused());
    }

    [Fact]
    public void A_disk_that_is_full_is_told_and_what_came_is_kept()
    {
        FileSystem.Before.Value = (step, path) =>
        {
            if (step == "sync" && path.Contains(FakeHub.Sha256(Hub.Large[PullFixture.First]), StringComparison.Ordinal))
            {
                throw new IOException("No space left on device");
            }
        };
        string message = _fixture.Refused();
        FileSystem.Before.Value = null;
        Assert.Contains("cannot be written: No space left on device. Free some space", message);
        Hub.Requests.Clear();
        _fixture.IsWhole(_fixture.Pull().Folder);
        Assert.Empty(Hub.Ranges(PullFixture.First));
    }

    [Fact]
    public void A_model_that_does_not_fit_the_disk_is_refused_before_its_weights_come()
    {
        Hub.Intercept = context =>
        {
            bool isList = context.Request.Url!.AbsolutePath.StartsWith("/api", StringComparison.Ordinal);
            if (isList)
            {
                byte[] list = System.Text.Encoding.UTF8.GetBytes($$"""
                    {"sha": "{{Hub.Commit}}", "siblings": [{"rfilename": "config.json", "size": 2, "blobId": "{{new string('a', 40)}}"},
                    {"rfilename": "model.safetensors", "size": 1000000000000000000, "blobId": "{{new string('a', 40)}}"}]}
                    """);
                context.Response.OutputStream.Write(list);
                context.Response.Close();
            }
            return isList;
        };
        Assert.Contains("needs 1000000000.0 GB more", _fixture.Refused());
        Assert.Single(Hub.Requests);
    }
}
