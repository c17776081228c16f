using System.Text;
using System.Text.Json.Nodes;
using Skipwise.Storage;
using Skipwise.Tests.Checkpoints.Formats;

namespace Skipwise.Tests.Cli;

/// <summary>Whatever a user gives wrong: one clear line, exit code 1, and nothing written.</summary>
public class BadInputTests(SmallModel model) : IClassFixture<SmallModel>
{
    private const string Weights = "model.safetensors", Config = "config.json";

    [Fact]
    public async Task A_model_folder_that_does_not_exist() => await Refused(model.Path("nowhere"), "nowhere");

    [Fact]
    public async Task Weights_that_are_missing()
    {
        string folder = model.Copy("weightless");
        File.Delete(Path.Combine(folder, Weights));
        await Refused(folder, "weightless", "expected model.safetensors");
    }

    [Fact]
    public async Task Weights_that_are_cut_off() =>
        await Refused(model.With("cut", Weights, bytes => bytes[..^100]), Weights, "cut off", "Fetch");

    [Fact]
    public async Task A_header_that_lies() =>
        await Refused(
            model.With("lie", Weights,
                _ => RawSafetensors.File("""{"model.norm.weight":{"dtype":"F32","shape":[16],"data_offsets":[0,32]}}""", 32)), Weights,
                "model.norm.weight", "needs 64 bytes");

    [Fact]
    public async Task A_tensor_of_a_wrong_shape() =>
        await Refused(model.With("shape", Config, Set(config => config["intermediate_size"] = 25)), "mlp.gate_proj.weight",
            "expected [25, 16], found [24, 16]");

    [Fact]
    public async Task A_configuration_that_is_no_json() =>
        await Refused(model.With("json", Config, bytes => bytes[..20]), Config, "not valid JSON");

    [Fact]
    public async Task An_unknown_rope_type() =>
        await Refused(model.With("rope", Config, Set(config =>
        {
            config.Remove("rope_parameters");
            config["rope_scaling"] = new JsonObject { ["rope_type"] = "xpos", ["factor"] = 2.0 };
        })), Config, "unknown rope type \"xpos\"", "yarn");

    [Fact]
    public async Task An_unknown_architecture() =>
        await Refused(model.With("architecture", Config, Set(config => config["model_type"] = "mamba")), Config,
            "\"mamba\" is not supported", "llama");

    [Fact]
    public async Task A_tokenizer_that_is_missing()
    {
        string folder = model.With("mute", Config, bytes => bytes);
        File.Delete(Path.Combine(folder, "tokenizer.json"));
        await Refused(folder, "mute", "tokenizer");
    }

    [Fact]
    public async Task Data_that_is_empty()
    {
        string empty = Write("empty.txt", " \n");
        string folder = model.Path("out-empty");
        (await Train(model.Folder, empty, folder)).Complained("no text");
        Assert.False(Directory.Exists(folder));
        (await CliRun.Of("prepare", "--model", model.Folder, "--data", empty, "--out", model.Path("empty.tokens")))
            .Complained("empty.tokens was not written");
        Assert.False(File.Exists(model.Path("empty.tokens")));
    }

    [Fact]
    public async Task Documents_shorter_than_the_window()
    {
        string brief = Write("brief.txt", "One short sentence.");
        string folder = model.Path("out-brief");
        (await Train(model.Folder, brief, folder)).Complained("None of the 1 documents has the 63 tokens", "--min-document-tokens");
        Assert.False(Directory.Exists(folder));
        (await CliRun.Of("eval", "perplexity", "--model", model.Folder, "--data", brief))
            .Complained("No document can be evaluated", "--min-tokens");
    }

    [Fact]
    public async Task A_target_no_longer_than_the_window()
    {
        string folder = model.Path("out-target");
        (await Train(model.Folder, model.Text, folder, "--target-length", "64"))
            .Complained("--target-length 64 is no longer than the model's window of 64");
        Assert.False(Directory.Exists(folder));
    }

    [Fact]
    public async Task Settings_out_of_range_are_told_together()
    {
        string folder = model.Path("out-settings");
        (await Train(model.Folder, model.Text, folder, "--target-length", "256", "--steps", "0", "--batch-size", "0", "--learning-rate",
            "-1")).Complained("--steps is 0", "--batch-size is 0", "--learning-rate is -1");
        (await Train(model.Folder, model.Text, folder, "--target-length", "256", "--chunks", "65"))
            .Complained("--chunks 65 exceeds --train-length 64");
        (await Train(model.Folder, model.Text, folder, "--target-length", "256", "--threads", "0")).Complained("--threads 0");
        Assert.False(Directory.Exists(folder));
    }

    [Fact]
    public async Task A_learning_rate_that_diverges_leaves_no_model()
    {
        string folder = model.Path("out-diverged");
        (await Train(model.Folder, model.Text, folder, "--target-length", "256", "--learning-rate", "1e30", "--warmup-steps", "0",
            "--steps", "5")).Complained("diverged", "--learning-rate");
        Assert.False(File.Exists(Path.Combine(folder, Weights)));
    }

    [Fact]
    public async Task A_folder_that_holds_something_else_is_left_alone()
    {
        string folder = Directory.CreateDirectory(model.Path("photos")).FullName;
        await File.WriteAllTextAsync(Path.Combine(folder, "holiday.jpg"), "x");
        (await Train(model.Folder, model.Text, folder)).Complained("photos", "--out");
        Assert.Equal("holiday.jpg", Path.GetFileName(Assert.Single(Directory.EnumerateFileSystemEntries(folder))));
    }

    [Fact]
    public async Task A_disk_that_is_full()
    {
        FileSystem.Before.Value = (_, at) =>
        {
            if (at.Contains("full.json", StringComparison.Ordinal))
            {
                throw new IOException("No space left on device");
            }
        };
        (await CliRun.Of("eval", "perplexity", "--model", model.Folder, "--data", model.Text, "--windows", "64", "--max-documents", "1",
            "--json", model.Path("full.json")))
            .Complained("full.json", "cannot be written", "space");
        FileSystem.Before.Value = null;
        Assert.False(File.Exists(model.Path("full.json")));
    }

    [Fact]
    public async Task A_token_store_of_another_name_or_beside_text()
    {
        (await CliRun.Of("prepare", "--model", model.Folder, "--data", model.Text, "--out", model.Path("store.bin")))
            .Complained("store.bin", ".tokens");
        (await Train(model.Folder, "some.tokens", model.Path("out-two"), "--data", model.Text))
            .Complained("some.tokens", "cannot be combined");
    }

    private async Task Refused(string folder, params string[] hints)
    {
        string made = model.Path("out-" + Path.GetFileName(folder));
        (await Train(folder, model.Text, made)).Complained(hints);
        Assert.False(Path.Exists(made));
    }

    private static Task<CliRun> Train(string modelFolder, string data, string made, params string[] more) =>
        CliRun.Of(["train", "--model", modelFolder, "--data", data, "--out", made, .. more, .. more.Contains("--target-length")
            ? []
            : (string[])["--target-length", "256"]]);

    private string Write(string name, string text)
    {
        File.WriteAllText(model.Path(name), text);
        return model.Path(name);
    }

    private static Func<byte[], byte[]> Set(Action<JsonObject> change) => bytes =>
    {
        JsonObject config = JsonNode.Parse(bytes)!.AsObject();
        change(config);
        return Encoding.UTF8.GetBytes(config.ToJsonString());
    };
}
