using System.Text.RegularExpressions;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Tests.Checkpoints.Gguf;

namespace Skipwise.Tests.Cli;

/// <summary>export --format gguf-lora, as a user calls it, who then does what it says.</summary>
public sealed partial class ExportAdapterTests(SmallModel model) : IClassFixture<SmallModel>
{
    private const double Exact = 5e-4;

    [Fact]
    public async Task A_trained_adapter_runs_on_the_base_models_file_that_its_note_makes()
    {
        LlamaCpp.RequireNatives();
        string adapter = model.Path("adapter"), file = model.Path("lora.gguf"), plain = model.Path("plain.gguf");
        (await CliRun.Of("train", "-m", model.Folder, "-d", model.Text, "-t", "256", "--steps", "3", "--batch-size", "1", "--lora-rank",
            "4", "--lora-alpha", "400", "--learning-rate", "1e-2", "-o", adapter)).Succeeded();
        string[] words = ["export", "-m", model.Folder, "-a", adapter, "--format", "gguf-lora", "-o", file];
        CliRun run = (await CliRun.Of(words)).Succeeded();
        Assert.Equal($"saved {file}: adapter for llama, 8 tensors, f32, {new FileInfo(file).Length} bytes\n",
            run.Output.ReplaceLineEndings("\n"));

        Match note = Note().Match(run.Error.ReplaceLineEndings("\n"));
        Assert.True(note.Success, run.Error);
        string[] command = note.Groups["command"].Value.Split(' ');
        Assert.Equal(["skipwise", "export", "--model", model.Folder, "--rope", "yarn", "--rope-factor", "4", "--rope-original-length", "64",
            "--out", "model-256.gguf"], command);
        string arguments = note.Groups["arguments"].Value, needed = model.Path("model-256.gguf");
        Assert.Equal("-c 256 --rope-scaling yarn --rope-scale 4 --yarn-orig-ctx 64 --override-kv llama.context_length=int:256", arguments);
        (await CliRun.Of([.. command[1..^1], needed])).Succeeded();
        (await CliRun.Of("export", "-m", model.Folder, "-o", plain)).Succeeded();

        using PretrainedModel merged = PretrainedModel.Load(new ModelSource(model.Folder, Adapter: adapter));
        int[] ids = TinyModel.Tokens(seed: 3, 250, merged.Model.Config.VocabSize);
        using var alone = new LlamaCpp(needed, 256);
        Assert.True(ExtendedModel.Differences(merged.Model, alone, ids).Max() > 0.1);
        using var one = new LlamaCpp(needed, 256, file);
        Assert.InRange(ExtendedModel.Differences(merged.Model, one, ids).Max(), 0, Exact);
        using var other = new LlamaCpp(plain, SmallModel.Window, file, arguments);
        Assert.InRange(ExtendedModel.Differences(merged.Model, other, ids).Max(), 0, Exact);

        CliRun json = (await CliRun.Of([.. words, "--json"])).Succeeded();
        PublishedSchema.Validate("export", json.Output);
        (await CliRun.Of("generate", "-m", file, "-p", "x")).Complained("is \"adapter\", expected \"model\"");
        (await CliRun.Of("export", "-m", model.Folder, "--check", file)).Complained("is \"adapter\", expected \"model\"");

        // the same factors for a base model that is a file itself
        string again = model.Path("again.gguf");
        run = (await CliRun.Of("export", "-m", plain, "-a", adapter, "--format", "gguf-lora", "-o", again)).Succeeded();
        Assert.Contains($"--model {plain} --rope yarn --rope-factor 4 --rope-original-length 64 --out plain-256.gguf", run.Error);
        Assert.Equal(File.ReadAllBytes(file), File.ReadAllBytes(again));
    }

    /// <summary>An adapter of PEFT says nothing about its RoPE.</summary>
    [Fact]
    public async Task An_adapter_without_a_configuration_has_the_base_models_scaling_or_the_one_that_is_said()
    {
        string adapter = model.Path("plain-adapter"), file = model.Path("plain-lora.gguf");
        (await CliRun.Of("train", "-m", model.Folder, "-d", model.Text, "-t", "256", "--steps", "1", "--batch-size", "1", "--lora-rank",
            "2", "-o", adapter)).Succeeded();
        File.Delete(Path.Combine(adapter, "config.json"));
        string[] words = ["export", "-m", model.Folder, "-a", adapter, "--format", "gguf-lora", "-o", file];
        CliRun run = (await CliRun.Of(words)).Succeeded();
        Assert.Contains($"note: {adapter}: has no config.json", run.Error);
        Assert.Contains("say --rope and --rope-factor", run.Error);
        Assert.Contains($"Write such a file with: skipwise export --model {model.Folder} --out model-64.gguf\n",
            run.Error.ReplaceLineEndings("\n"));
        run = (await CliRun.Of([.. words, "--rope", "linear", "--rope-factor", "4"])).Succeeded();
        Assert.DoesNotContain("has no config.json", run.Error);
        Assert.Contains("--rope linear --rope-factor 4 --rope-original-length 64 --out model-256.gguf. Or give llama.cpp", run.Error);
        Assert.Contains("-c 256 --rope-scaling linear --rope-scale 4", run.Error);
    }

    /// <summary>Lists are in no option: a copy of the model says them.</summary>
    [Fact]
    public async Task A_scaling_that_no_option_says_is_taken_from_the_adapters_folder()
    {
        string adapter = model.Path("lists"), file = model.Path("lists.gguf"), copy = model.Copy("copy");
        (await CliRun.Of("train", "-m", model.Folder, "-d", model.Text, "-t", "256", "--rope", "longrope", "--steps", "1",
            "--batch-size", "1", "--lora-rank", "2", "-o", adapter)).Succeeded();
        string[] words = ["export", "-m", model.Folder, "-a", adapter, "--format", "gguf-lora", "-o", file];
        CliRun run = (await CliRun.Of(words)).Succeeded();
        Assert.Contains($"No options of export say it: copy {model.Folder}, with {adapter}'s config.json in place of its own", run.Error);
        Assert.DoesNotContain("Or give llama.cpp", run.Error);
        string plain = model.Path("plain-lists.gguf");
        (await CliRun.Of("export", "-m", model.Folder, "-o", plain)).Succeeded();
        words[2] = plain; // a file has no config.json to be replaced
        Assert.Contains("No options of export say it: export the whole model", (await CliRun.Of(words)).Succeeded().Error);
        File.Copy(Path.Combine(adapter, "config.json"), Path.Combine(copy, "config.json"), overwrite: true);
        string written = model.Path("copy.gguf");
        (await CliRun.Of("export", "-m", copy, "-o", written)).Succeeded();
        (await CliRun.Of("export", "-m", model.Folder, "-a", adapter, "--check", written)).Succeeded();
    }

    [Fact]
    public async Task Weights_that_an_adapters_file_cannot_hold_are_refused_with_the_flag_that_helps()
    {
        string adapter = model.Path("norms"), file = model.Path("norms.gguf");
        (await CliRun.Of("train", "-m", model.Folder, "-d", model.Text, "-t", "256", "--steps", "1", "--batch-size", "1", "--lora-rank",
            "2", "--lora-train", "norms", "-o", adapter)).Succeeded();
        (await CliRun.Of("export", "-m", model.Folder, "-a", adapter, "--format", "gguf-lora", "-o", file))
            .Complained("holds weights besides A and B", "--format gguf");
        (await CliRun.Of("export", "-m", model.Folder, "--format", "gguf-lora", "-o", file)).Complained("Name its folder: --adapter");
        Assert.False(File.Exists(file));
        (await CliRun.Of("export", "-m", model.Folder, "-a", adapter, "--format", "gguf", "-o", file)).Succeeded();
    }

    [GeneratedRegex("^note: an adapter's file has no RoPE scaling: .* Write such a file with: (?<command>skipwise export .*)" +
        @"\. Or .* and: (?<arguments>-c .*)$", RegexOptions.Multiline)]
    private static partial Regex Note();
}
