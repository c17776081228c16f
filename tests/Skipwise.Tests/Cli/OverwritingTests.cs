namespace Skipwise.Tests.Cli;

/// <summary>What a user names as --out and has already: it is replaced only where Skipwise wrote it.</summary>
public sealed class OverwritingTests(SmallModel model) : IClassFixture<SmallModel>
{
    private const string Weights = "model.safetensors", AdapterWeights = "adapter_model.safetensors";

    [Fact]
    public async Task Merge_replaces_an_earlier_merge_and_nothing_else()
    {
        string adapter = model.Path("adapter"), merged = model.Path("merged"), own = model.With("base", Weights, bytes => bytes);
        string[] train = ["train", "--model", own, "--data", model.Text, "--target-length", "256", "--steps", "1", "--batch-size", "1"];
        (await CliRun.Of([.. train, "--out", adapter, "--lora-rank", "2"])).Succeeded();
        Task<CliRun> Merge(string folder) => CliRun.Of("merge", "--model", own, "--adapter", adapter, "--out", folder);

        (await Merge(adapter)).Complained("is the folder that is read", adapter);
        (await Merge(own)).Complained("is the folder that is read", own); // although Skipwise wrote it
        Directory.CreateSymbolicLink(model.Path("way"), adapter);
        (await Merge(model.Path("way") + "/")).Complained("is the folder that is read");
        Assert.True(File.Exists(Path.Combine(adapter, AdapterWeights)));

        (await Merge(merged)).Succeeded();
        File.WriteAllText(Path.Combine(merged, "notes.txt"), "mine");
        Directory.CreateSymbolicLink(model.Path("link"), merged);
        (await Merge(model.Path("link"))).Succeeded();
        Assert.Equal(merged, new FileInfo(model.Path("link")).LinkTarget);
        Assert.Equal("mine", File.ReadAllText(Path.Combine(merged, "notes.txt")));

        string foreign = model.With("foreign", Weights, bytes => bytes); // another model, of another program
        File.Delete(Path.Combine(foreign, "skipwise.json"));
        (await Merge(foreign)).Complained("foreign", "Skipwise did not write it");
        (await Merge(Path.GetDirectoryName(adapter)!)).Complained("Skipwise did not write it");
        string run = model.Path("run");
        (await CliRun.Of([.. train, "--out", run])).Succeeded();
        (await Merge(run)).Complained("training run");
        Assert.True(File.Exists(Path.Combine(foreign, Weights)) && File.Exists(Path.Combine(run, Weights)));
    }

    [Fact]
    public async Task Reports_and_comparisons_replace_only_their_own()
    {
        string folder = model.Path("compared");
        string[] all =
        [
            "eval", "all", "--model", model.Folder, "--data", model.Text, "--lengths", "128", "--max-documents", "1", "--trials", "1",
            "--depths", "2", "--needle-trials", "0", "--out", folder,
        ];
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "report.md"), "mine");
        (await CliRun.Of(all)).Complained("report.md", "Skipwise did not write it");
        Assert.Equal(["report.md"], Directory.GetFileSystemEntries(folder).Select(Path.GetFileName)); // before anything is measured
        File.Move(Path.Combine(folder, "report.md"), Path.Combine(folder, "notes.md"));
        File.WriteAllText(Path.Combine(folder, "comparison.json"), "{ \"mine\": 1 }");
        (await CliRun.Of(all)).Complained("comparison.json", "not what 'skipwise eval all' writes");
        File.Delete(Path.Combine(folder, "comparison.json"));
        (await CliRun.Of(all)).Succeeded();
        (await CliRun.Of(all)).Succeeded();

        File.WriteAllText(model.Path("README.md"), "mine");
        CliRun refused = await CliRun.Of("report", "--from", folder, "--out", model.Path("README.html"));
        refused.Complained("README.md", "Skipwise did not write it");
        Assert.Equal("mine", File.ReadAllText(model.Path("README.md")));
        Assert.False(Path.Exists(model.Path("README.html")) || Path.Exists(model.Path("README-plots")));
        (await CliRun.Of("report", "--from", folder, "--out", model.Path("page.html"))).Succeeded();
        (await CliRun.Of("report", "--from", folder, "--out", model.Path("page.html"))).Succeeded();
    }
}
