using System.Diagnostics;
using Skipwise.Tests.Hub;

namespace Skipwise.Tests.Cli;

/// <summary><c>skipwise pull</c> as a process of its own, with the variables that users set, and models by their
/// names.</summary>
public sealed class PullTests(SmallModel model) : IClassFixture<SmallModel>, IDisposable
{
    private readonly TempFolder _home = new();
    private readonly FakeHub _hub = new();

    public void Dispose()
    {
        _hub.Dispose();
        _home.Dispose();
    }

    [Fact]
    public void A_pulled_model_is_known_by_its_name()
    {
        Publish();
        (int code, string output, string error) = Run("pull", FakeHub.Model, "--json");
        Assert.True(code == 0, error);
        PublishedSchema.Validate("pull", output);
        Assert.Contains("\"downloaded\": ", output, StringComparison.Ordinal);
        Assert.DoesNotContain("error:", error, StringComparison.Ordinal);
        Assert.Contains(" GB  ", error, StringComparison.Ordinal); // progress, as lines
        _hub.Dispose(); // nothing below asks it

        string ours = Result("generate", "-m", model.Folder, "-p", "one", "--max-new-tokens", "8");
        Assert.Equal(ours, Result("generate", "-m", FakeHub.Model, "-p", "one", "--max-new-tokens", "8"));
        Assert.Equal(ours, Result("generate", "-m", $"{FakeHub.Model}@{_hub.Commit}", "-p", "one", "--max-new-tokens", "8"));
        Assert.Equal(Result("inspect", "tensors", "-m", model.Folder), Result("inspect", "tensors", "-m", FakeHub.Model));
        Result("prepare", "-m", FakeHub.Model, "-d", model.Text, "-o", _home["text.tokens"]);
        Result("train", "-m", FakeHub.Model, "-d", _home["text.tokens"], "-t", "128", "--steps", "1", "--batch-size", "1", "--lora-rank",
            "2", "-o", _home["adapter"]);
        Assert.Contains($"\"{FakeHub.Model}\"", File.ReadAllText(_home["adapter/adapter_config.json"]), StringComparison.Ordinal);
        Result("merge", "-m", FakeHub.Model, "-a", _home["adapter"], "-o", _home["merged"]);
        Assert.True(File.Exists(_home["merged/tokenizer.json"]));
        Assert.Null(new FileInfo(_home["merged/tokenizer.json"]).LinkTarget);
        Result("export", "-m", FakeHub.Model, "-o", _home["tiny.gguf"]);
    }

    [Fact]
    public void A_name_that_is_neither_a_folder_nor_cached_says_both_and_the_remedy()
    {
        (int code, _, string error) = Run("inspect", "tensors", "-m", "org/unknown@v2");
        Assert.Equal(1, code);
        Assert.Contains("error: org/unknown@v2: there is no such folder, and no model of that name in the Hugging Face cache", error);
        Assert.Contains("'skipwise pull org/unknown@v2'", error);
        Directory.CreateDirectory(_home["org/unknown"]);
        Assert.Contains("no weights found in org/unknown", Run("inspect", "tensors", "-m", "org/unknown").Error); // the folder goes first
    }

    [Fact]
    public void A_killed_download_goes_on()
    {
        Publish();
        byte[] weights = _hub.Large["model.safetensors"] = PullFixture.Bytes(3, 8_000_000);
        using var killed = new ManualResetEventSlim();
        _hub.Intercept = context =>
        {
            bool stalls = context.Request.Url!.Port == _hub.StoragePort && !killed.IsSet;
            if (stalls)
            {
                context.Response.ContentLength64 = weights.Length;
                context.Response.OutputStream.Write(weights, 0, 3_000_000);
                context.Response.OutputStream.Flush();
                killed.Wait(TimeSpan.FromMinutes(1));
                context.Response.Abort();
            }
            return stalls;
        };
        string partial = Path.Combine(_home["hf/hub/models--org--tiny/blobs"], $"{FakeHub.Sha256(weights)}.incomplete");
        using (Process process = Process.Start(Start("pull", FakeHub.Model))!)
        {
            var limit = Stopwatch.StartNew();
            while (!(File.Exists(partial) && new FileInfo(partial).Length >= 3_000_000) && limit.Elapsed < TimeSpan.FromMinutes(1))
            {
                Thread.Sleep(20);
            }
            process.Kill();
            process.WaitForExit();
        }
        killed.Set();
        Assert.Equal(3_000_000, new FileInfo(partial).Length);
        (int code, string output, string error) = Run("pull", FakeHub.Model, "--out", _home["other"], "-q");
        Assert.True(code == 0, error); // another place does not touch what the cache has begun
        (code, output, error) = Run("pull", FakeHub.Model);
        Assert.True(code == 0, error);
        Assert.Contains("bytes=3000000-", _hub.Ranges("model.safetensors"));
        Assert.Equal(weights, File.ReadAllBytes(Path.Combine(output.Split(": ")[0], "model.safetensors")));
    }

    private void Publish()
    {
        foreach (string file in Directory.GetFiles(model.Folder).Where(file => Path.GetFileName(file) != "skipwise.json"))
        {
            bool isLarge = file.EndsWith(".safetensors", StringComparison.Ordinal);
            (isLarge ? _hub.Large : _hub.Small)[Path.GetFileName(file)] = File.ReadAllBytes(file);
        }
    }

    private string Result(params string[] words)
    {
        (int code, string output, string error) = Run(words);
        Assert.True(code == 0, $"{string.Join(' ', words)}: {error}");
        return output;
    }

    private (int Code, string Output, string Error) Run(params string[] words) => ChildProcess.Run(Start(words));

    private ProcessStartInfo Start(params string[] words)
    {
        ProcessStartInfo start = ToolProcess.Start(words);
        start.WorkingDirectory = _home.Path;
        foreach (string name in start.Environment.Keys.Where(name => name.StartsWith("HF_", StringComparison.Ordinal)
            || name.StartsWith("HUGGING", StringComparison.Ordinal) || name == "TRANSFORMERS_OFFLINE").ToArray())
        {
            start.Environment.Remove(name);
        }
        (start.Environment["HF_ENDPOINT"], start.Environment["HF_HOME"]) = (_hub.Endpoint, _home["hf"]);
        return start;
    }
}
