using System.Text.Json;
using Skipwise.Evaluation.Results;
using Skipwise.Storage;
using Skipwise.Training;

namespace Skipwise.Tests.Cli;

/// <summary>The whole line with the command alone: text to tokens, training, measuring, writing.</summary>
public class EndToEndTests(SmallModel model) : IClassFixture<SmallModel>
{
    private const int Target = 4 * SmallModel.Window;

    [Fact]
    public async Task From_text_to_a_measured_model()
    {
        string tokens = model.Path("text.tokens"), extended = model.Path("extended");
        CliRun prepared = (await CliRun.Of("prepare", "--model", model.Folder, "--data", model.Text, "--out", tokens)).Succeeded();
        Assert.Matches(@"text\.tokens: 6 documents, \d+ tokens", prepared.Output);

        CliRun trained = (await Train(tokens, extended)).Succeeded();
        Assert.Contains($"saved {extended}", trained.Output, StringComparison.Ordinal);
        Assert.Contains($"skipwise eval passkey --model {extended}", trained.Output, StringComparison.Ordinal);
        Assert.Contains($"skipwise eval perplexity --model {extended} --data HELD-OUT-TEXT\n", trained.Output, StringComparison.Ordinal);
        Assert.DoesNotContain($"--data {tokens}", trained.Output, StringComparison.Ordinal); // not on what it was trained on
        Assert.Contains("64 -> 256 tokens", trained.Error, StringComparison.Ordinal);
        Assert.Matches(@"step 3/3 +loss \d", trained.Error);

        string json = model.Path("perplexity.json");
        CliRun perplexity = (await CliRun.Of("eval", "perplexity", "--model", extended, "--data", model.Text, "--json", json)).Succeeded();
        IReadOnlyList<EvaluationRecord> records = EvaluationJson.Read(json);
        Assert.Equal([64, 128, 256], records.Select(record => record.Length!.Value).Where(length => length >= 64));
        Assert.All(records, record => Assert.InRange(record.Value, 1, 1e6));
        Assert.Matches(@"\n256 +\d", perplexity.Output);

        string trials = model.Path("trials.jsonl");
        CliRun passkey =
            (await CliRun.Of("eval", "passkey", "--model", extended, "--lengths", "128,256", "--trials", "2", "--save-trials", trials))
            .Succeeded();
        Assert.Matches(@"128 +\d/2", passkey.Output);
        string[] lines = await File.ReadAllLinesAsync(trials);
        Assert.Equal(4, lines.Length);
        Assert.Equal(128, JsonDocument.Parse(lines[0]).RootElement.GetProperty("length").GetInt32());

        string[] generate = ["generate", "--model", extended, "--max-new-tokens", "12", "--temperature", "1", "--seed", "3"];
        CliRun named = (await CliRun.Of([.. generate, "--prompt", "The river"])).Succeeded();
        CliRun piped = (await CliRun.Of(generate, "The river")).Succeeded();
        Assert.NotEmpty(named.Output.Trim());
        Assert.Equal(named.Output, piped.Output);
    }

    [Fact]
    public async Task A_run_that_was_interrupted_continues_to_the_same_model()
    {
        string tokens = model.Path("again.tokens"), whole = model.Path("whole"), halves = model.Path("halves");
        (await CliRun.Of("prepare", "--model", model.Folder, "--data", model.Text, "--out", tokens)).Succeeded();
        (await Train(tokens, whole)).Succeeded();

        CliRun interrupted = await CliRun.Of(Words(tokens, halves), "", new CancellationToken(canceled: true));
        Assert.Equal(130, interrupted.Code);
        Assert.Contains("stopped within the first step, so there is nothing new to save", interrupted.Error, StringComparison.Ordinal);
        interrupted = await CliRun.StoppedAfterItsFirstStep(Words(tokens, halves, "--resume"));
        Assert.Equal(130, interrupted.Code);
        Assert.Contains($"saved {Path.Combine(halves, "checkpoints", "step-000001")}; continue with --resume", interrupted.Error,
            StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(halves, "model.safetensors")));

        (await Train(tokens, halves)).Complained("unfinished run", "--resume");
        (await Train(tokens, halves, "--resume", "--chunks", "3"))
            .Complained("contract.json", "other options", "chunks is 2 in the run and 3 here", "--out");
        (await Train(tokens, halves, "--resume")).Succeeded();

        Assert.Equal(await File.ReadAllBytesAsync(Path.Combine(whole, "model.safetensors")),
            await File.ReadAllBytesAsync(Path.Combine(halves, "model.safetensors")));
        Assert.Equal(Losses(whole), Losses(halves));
        Assert.Equal(3, Losses(whole).Length);
    }

    [Fact]
    public async Task A_small_base_model_is_pretrained_in_two_stages()
    {
        string folder = model.Path("base");
        CliRun run =
            (await CliRun.Of("pretrain", "--out", folder, "--window", "64", "--vocab-size", "300", "--hidden-size", "16",
                "--intermediate-size", "24",
            "--layers", "1", "--heads", "2", "--list-steps", "2", "--steps", "2", "--documents", "8", "--batch-size", "2")).Succeeded();
        Assert.Contains("repeated lists", run.Error, StringComparison.Ordinal);
        Assert.Contains("the corpus", run.Error, StringComparison.Ordinal);
        (await CliRun.Of("generate", "--model", folder, "--prompt", "The", "--max-new-tokens", "3")).Succeeded();
        Assert.Equal([folder], Directory.EnumerateDirectories(Path.GetDirectoryName(folder)!, "base*"));
    }

    private Task<CliRun> Train(string data, string folder, params string[] more) => CliRun.Of(Words(data, folder, more));

    private string[] Words(string data, string folder, params string[] more) =>
        ["train", "--model", model.Folder, "--data", data, "--target-length", $"{Target}", "--out", folder, "--steps", "3",
            "--batch-size", "2", "--learning-rate", "1e-3", "--save-every", "2", .. more];

    private static double[] Losses(string folder) =>
        [.. JsonLines.Read<StepMetrics>(Path.Combine(folder, "metrics.jsonl")).Select(step => step.Loss)];
}
