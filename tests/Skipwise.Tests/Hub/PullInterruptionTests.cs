using Skipwise.Recipes;
using Skipwise.Storage;

namespace Skipwise.Tests.Hub;

/// <summary>A download among other processes, and one that is told to end.</summary>
public sealed class PullInterruptionTests : IDisposable
{
    private readonly PullFixture _fixture = new();

    private FakeHub Hub => _fixture.Hub;

    public void Dispose() => _fixture.Dispose();

    /// <summary>The lock is Python's: a process that holds it may be one of either.</summary>
    [Fact]
    public void A_file_that_another_process_downloads_is_waited_for()
    {
        byte[] content = Hub.Large[PullFixture.First];
        string path = Path.Combine(_fixture.Settings.Cache, ".locks", "models--org--tiny", $"{FakeHub.Sha256(content)}.lock");
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        FolderLock held = FolderLock.TryAcquire(path)!;
        string? told = null;
        PulledModel pulled = PullModel.Run(new() { Model = FakeHub.Model }, _fixture.Settings, null, new SynchronousProgress<string>(note =>
        {
            told = note;
            File.WriteAllBytes(_fixture.Blob(content), content); // the other one is done
            held.Dispose();
        }), TestContext.Current.CancellationToken);
        Assert.Equal($"org/tiny: {PullFixture.First}: another process downloads it; waiting for its end", told);
        _fixture.IsWhole(pulled.Folder);
        Assert.Empty(Hub.Ranges(PullFixture.First));
        Assert.True(File.Exists(path)); // an unlinked lock could be held twice
    }

    [Fact]
    public void A_stop_keeps_what_has_come()
    {
        using var stop = new CancellationTokenSource();
        using var release = new ManualResetEventSlim();
        Hub.Cuts[PullFixture.First] = new([1_000_000]);
        Hub.BeforeBody = name => release.Wait(name == PullFixture.First && Hub.Ranges(name).Count() > 1 ? 30_000 : 0);
        Assert.ThrowsAny<OperationCanceledException>(() => PullModel.Run(new() { Model = FakeHub.Model }, _fixture.Settings, null,
            new SynchronousProgress<string>(_ => stop.CancelAfter(TimeSpan.FromSeconds(0.5))), stop.Token));
        release.Set();
        Hub.Requests.Clear();
        _fixture.IsWhole(_fixture.Pull().Folder);
        Assert.Equal("bytes=1000000-", Assert.Single(Hub.Ranges(PullFixture.First)));
    }
}
