using Skipwise.Checkpoints.Gguf;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Tokenizers;

namespace Skipwise.Tests.Cli;

/// <summary>A GGUF file in the place of a model's folder: what it was made from gives the same output.</summary>
public sealed class ModelFromGgufTests(SmallModel model) : IClassFixture<SmallModel>
{
    private async Task<string> Export(string name, params string[] flags)
    {
        string file = model.Path(name);
        (await CliRun.Of(["export", "-m", model.Folder, "-o", file, .. flags])).Succeeded();
        return file;
    }

    [Fact]
    public async Task Every_command_takes_it_as_the_folder_that_it_was_made_from()
    {
        string file = await Export("whole.gguf", "--dtype", "f32");
        string[][] commands =
        [
            ["generate", "--prompt", "The keeper of the lamp", "--max-new-tokens", "20"],
            ["generate", "--prompt", "The keeper of the lamp", "--max-new-tokens", "20", "--seed", "7", "--temperature", "1"],
            ["eval", "perplexity", "-d", model.Text, "--lengths", "64"],
            ["eval", "passkey", "--lengths", "128", "--trials", "2"],
            ["inspect", "rope"],
        ];
        foreach (string[] command in commands)
        {
            CliRun folder = (await CliRun.Of([.. command, "-m", model.Folder])).Succeeded();
            CliRun gguf = (await CliRun.Of([.. command, "-m", file])).Succeeded();
            Assert.Equal(folder.Output.Replace(model.Folder, file, StringComparison.Ordinal), gguf.Output);
        }
        CliRun described = (await CliRun.Of("inspect", "model", "-m", file)).Succeeded();
        Assert.Contains("stored as       F32", described.Output, StringComparison.Ordinal);
        (await CliRun.Of("estimate", "-m", file, "-t", "128")).Succeeded();
        (await CliRun.Of("prepare", "-m", file, "-d", model.Text, "-o", model.Path("store.tokens"))).Succeeded();
    }

    [Fact]
    public async Task What_is_trained_from_it_is_a_folder_with_the_same_tokenizer()
    {
        string file = await Export("half.gguf", "--dtype", "f16"), run = model.Path("run"), adapter = model.Path("lora");
        string[] train = ["train", "-m", file, "-d", model.Text, "-t", "128", "--steps", "2", "--batch-size", "1"];
        (await CliRun.Of([.. train, "-o", run])).Succeeded();
        (await CliRun.Of([.. train, "--lora-rank", "2", "-o", adapter])).Succeeded();
        (await CliRun.Of("merge", "-m", file, "-a", adapter, "-o", model.Path("merged"))).Succeeded();
        (await CliRun.Of("export", "-m", file, "-a", adapter, "-o", model.Path("adapted.gguf"))).Succeeded();
        (await CliRun.Of("export", "-m", file, "-a", adapter, "--check", model.Path("adapted.gguf"))).Succeeded();
        ITokenizer original = TokenizerLoader.Load(model.Folder);
        foreach (string folder in (string[])[run, model.Path("merged"), model.Path("adapted.gguf")])
        {
            Assert.Equal(128, HfConfig.ForModel(folder).Model.MaxPositionEmbeddings);
            ITokenizer saved = TokenizerLoader.Load(folder);
            const string text = "The keeper of the lamp, 1999!\n<|end|>";
            Assert.Equal(original.Encode(text), saved.Encode(text));
            Assert.Equal((original.BosId, original.EosId, original.AddsBos), (saved.BosId, saved.EosId, saved.AddsBos));
        }
        Assert.Equal("llama", HfConfig.ForModel(run).Family.ModelType);
    }

    /// <summary>The numbers of the original code, from a file without a tokenizer.</summary>
    [Theory]
    [InlineData("llama-none"), InlineData("qwen2"), InlineData("gpt_neox-pct25-parallel"), InlineData("llama3-rope")]
    public async Task Verify_compares_it_with_the_reference(string name)
    {
        string file = model.Path(name + ".gguf");
        using (PretrainedModel pretrained = PretrainedModel.Load(new ModelSource(Fixture.Path(name))))
        {
            GgufExport.Write(pretrained, file, name, GgufType.F32, null, [], null);
        }
        (await CliRun.Of("verify", "-m", file, "--reference", Fixture.Path(name, "reference.safetensors"))).Succeeded();
    }
}
