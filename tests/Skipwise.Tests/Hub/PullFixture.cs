using Skipwise.Hub;
using Skipwise.Recipes;

namespace Skipwise.Tests.Hub;

/// <summary>A hub with one model, and an empty home.</summary>
internal sealed class PullFixture : IDisposable
{
    public const string First = "model-00001-of-00002.safetensors", Second = "model-00002-of-00002.safetensors";

    private readonly TempFolder _folder = new();

    public PullFixture()
    {
        Hub.Small["config.json"] = "{}"u8.ToArray();
        Hub.Small["tokenizer.json"] = "{\"a\": 1}"u8.ToArray();
        Hub.Small["model.safetensors.index.json"] = Index("a", First, "b", Second);
        Hub.Large[First] = Bytes(1, 3_000_000);
        Hub.Large[Second] = Bytes(2, 2_000_000);
        Settings = Hub.Settings(_folder.Path);
    }

    public FakeHub Hub { get; } = new();

    public HubSettings Settings { get; set; }

    public string Home => _folder.Path;

    public string Repository => Path.Combine(Settings.Cache, "models--org--tiny");

    public string Snapshot => Path.Combine(Repository, "snapshots", Hub.Commit);

    public List<string> Notes { get; } = [];

    public static byte[] Bytes(int seed, int count) => [.. Enumerable.Range(0, count).Select(i => (byte)((i * 31 * seed) + (i >> 8)))];

    public static byte[] Index(params string[] pairs) => System.Text.Encoding.UTF8.GetBytes(
        $"{{\"weight_map\": {{{string.Join(", ", pairs.Chunk(2).Select(pair => $"\"{pair[0]}\": \"{pair[1]}\""))}}}}}");

    public string Blob(byte[] content) => Path.Combine(Repository, "blobs", FakeHub.Sha256(content));

    public PulledModel Pull(string model = FakeHub.Model, string? folder = null, IProgress<PullProgress>? progress = null) =>
        PullModel.Run(new() { Model = model, Out = folder }, Settings, progress, new SynchronousProgress<string>(Notes.Add),
            TestContext.Current.CancellationToken);

    /// <summary>The error of a download.</summary>
    public string Refused(string model = FakeHub.Model, string? folder = null) =>
        Assert.Throws<SkipwiseException>(() => Pull(model, folder)).Message;

    public void IsWhole(string folder)
    {
        Assert.Equal(
            ["config.json", First, Second, "model.safetensors.index.json", "tokenizer.json"],
            Directory.GetFiles(folder).Select(Path.GetFileName).Where(name => name != "skipwise.json").Order(StringComparer.Ordinal));
        Assert.Equal(Hub.Large[First], File.ReadAllBytes(Path.Combine(folder, First)));
        Assert.Equal(Hub.Large[Second], File.ReadAllBytes(Path.Combine(folder, Second)));
        Assert.Equal(Hub.Small["config.json"], File.ReadAllBytes(Path.Combine(folder, "config.json")));
    }

    public void Dispose()
    {
        Hub.Dispose();
        _folder.Dispose();
    }
}
