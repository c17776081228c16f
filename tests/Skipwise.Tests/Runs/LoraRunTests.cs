using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Checkpoints.Peft;
using Skipwise.Evaluation.Passkey;
using Skipwise.Evaluation.Results;
using Skipwise.Models;
using Skipwise.Recipes;
using Skipwise.Storage;
using Skipwise.Tests.Cli;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Runs;

/// <summary>Training an adapter by the command: what lies in its folder, what it computes, and that it resumes to the same bytes.</summary>
public sealed class LoraRunTests(SmallModel model) : IClassFixture<SmallModel>
{
    private const string AdapterFile = "adapter_model.safetensors";

    [Theory]
    [InlineData("plain"), InlineData("packed", "--quantization-bits", "8"),
        InlineData("whole", "--lora-train", "norms,embeddings", "--quantization-bits", "4", "--lora-target-modules", "all-linear")]
    public async Task An_adapter_resumes_to_the_same_bytes_and_merges_into_what_it_computes(string name, params string[] more)
    {
        string whole = model.Path(name), halves = model.Path(name + "-halves"), merged = Path.Combine(whole, FineTune.MergedName),
            tokens = model.Path(name + ".tokens");
        (await CliRun.Of("prepare", "--model", model.Folder, "--data", model.Text, "--out", tokens)).Succeeded();
        string[] lora = ["--lora-rank", "4", "--lora-dropout", "0.2", .. more];
        CliRun run = (await Train(tokens, whole, [.. lora, "--merge"])).Succeeded();
        Assert.Contains("are frozen", run.Error);
        Assert.Contains($"skipwise eval passkey --model {merged}", run.Output);

        Assert.Equal(130, (await CliRun.StoppedAfterItsFirstStep(Words(tokens, halves, lora))).Code);
        CliRun resumed = (await Train(tokens, halves, [.. lora, "--resume"])).Succeeded();
        Assert.Contains($"--model {model.Folder} --adapter {halves}", resumed.Output);
        Assert.Equal(await File.ReadAllBytesAsync(Path.Combine(whole, AdapterFile)),
            await File.ReadAllBytesAsync(Path.Combine(halves, AdapterFile)));
        Assert.False(File.Exists(Path.Combine(whole, "model.safetensors")));

        int mergedVocabulary = HfConfig.ForModel(merged).Model.VocabSize;
        using (LoraAdapter adapter = LoraAdapter.Read(whole))
        {
            Assert.Equal((4, 8.0, 0.2), (adapter.Config.Rank, adapter.Config.Alpha, adapter.Config.Dropout));
            Assert.Equal(name == "whole" ? 7 : 4, adapter.Weights.Count);
            Assert.Equal(name == "whole" ? ["embed_tokens", "input_layernorm", "lm_head", "norm", "post_attention_layernorm"] : [],
                adapter.Config.ModulesToSave.Order());
            // the tied head's copy: PEFT would keep the base's
            Assert.Equal(name == "whole" ? 2 : 0, adapter.FullWeights.Count(weight => weight.Value.size(0) == mergedVocabulary));
            Assert.Empty(adapter.Warnings);
            Assert.Contains(adapter.Weights, weight => weight.B.abs().max().ToDouble() > 0);
        }
        using PretrainedModel mergedModel = PretrainedModel.Load(new ModelSource(merged)),
            adapted = PretrainedModel.Load(new ModelSource(model.Folder, Adapter: whole)),
            plain = PretrainedModel.Load(new ModelSource(model.Folder));
        Assert.Equal(256, mergedModel.Model.Config.MaxPositionEmbeddings); // the stretched window travels with the adapter
        Assert.Equal(256, adapted.Model.Config.MaxPositionEmbeddings);
        Assert.Equal(mergedModel.Model.Config.Rope, adapted.Model.Config.Rope);
        Assert.True(Logits(mergedModel.Model).allclose(Logits(adapted.Model), rtol: 1e-5, atol: 1e-5));
        Assert.False(Logits(mergedModel.Model).allclose(Logits(plain.Model), rtol: 1e-3, atol: 1e-3));

        string byHand = model.Path(name + "-merged");
        (await CliRun.Of("merge", "--model", model.Folder, "--adapter", whole, "--out", byHand)).Succeeded();
        Assert.All(["config.json", "model.safetensors"], file =>
            Assert.Equal(File.ReadAllBytes(Path.Combine(merged, file)), File.ReadAllBytes(Path.Combine(byHand, file))));
    }

    /// <summary>A model with --adapter is measured as the merged one, by every verb that takes an adapter.</summary>
    [Theory]
    [InlineData("perplexity", "--windows", "64"), InlineData("passkey", "--lengths", "128", "--trials", "2"),
        InlineData("tasks", "--tasks", "lambada"), InlineData("generate", "--prompt", "The river", "--max-new-tokens", "12")]
    public async Task An_adapter_takes_part_in_what_is_measured(string verb, params string[] more)
    {
        string adapter = model.Path("measured"), data = Directory.CreateDirectory(model.Path($"data-{verb}")).FullName;
        if (!Directory.Exists(adapter))
        {
            (await Train(model.Text, adapter, ["--lora-rank", "4", "--lora-alpha", "400", "--merge"])).Succeeded();
        }
        File.WriteAllLines(Path.Combine(data, "lambada_test.jsonl"),
            Enumerable.Range(0, 6).Select(i => $$"""{"text": "The river was wide, and boat {{i}} came over the river"}"""));
        string merged = await Measured("merged", Path.Combine(adapter, FineTune.MergedName));
        Assert.Equal(merged, await Measured("adapted", model.Folder, "--adapter", adapter));
        Assert.NotEqual(merged, await Measured("plain", model.Folder));

        async Task<string> Measured(string name, string folder, params string[] also)
        {
            string json = model.Path($"{verb}-{name}.json"), trials = model.Path($"{verb}-{name}.jsonl");
            string[] own = verb switch
            {
                "perplexity" => ["--data", model.Text, "--json", json],
                "tasks" => ["--data", data, "--json", json],
                "passkey" => ["--save-trials", trials],
                _ => [],
            };
            string[] path = verb == "generate" ? [verb] : ["eval", verb];
            CliRun run = (await CliRun.Of([.. path, "--model", folder, .. own, .. more, .. also])).Succeeded();
            return verb switch
            {
                "generate" => run.Output,
                "passkey" => string.Join('|', JsonLines.Read<PasskeyTrial>(trials).Select(trial => trial.Answer)),
                _ => string.Join(' ', EvaluationJson.Read(json).Select(record => FormattableString.Invariant($"{record.Value:G4}"))),
            };
        }
    }

    [Fact]
    public async Task Impossible_wishes_are_refused_before_anything_is_written()
    {
        string folder = model.Path("refused");
        (await Train(model.Text, folder, ["--merge"])).Complained("--merge", "--lora-rank");
        (await Train(model.Text, folder, ["--quantization-bits", "4"])).Complained("--quantization-bits", "--lora-rank");
        (await Train(model.Text, folder, ["--lora-rank", "2", "--lora-train", "norm"]))
            .Complained("--lora-train norm", "Did you mean 'norms'?");
        (await Train(model.Text, folder, ["--lora-rank", "2", "--lora-target-modules", "W_pack"])).Complained("W_pack", "q_proj");
        Assert.False(Directory.Exists(folder));
    }

    private Task<CliRun> Train(string data, string folder, string[] more) => CliRun.Of(Words(data, folder, more));

    private string[] Words(string data, string folder, string[] more) =>
        ["train", "--model", model.Folder, "--data", data, "--target-length", "256", "--out", folder, "--steps", "3",
            "--batch-size", "2", "--learning-rate", "1e-2", .. more];

    private static Tensor Logits(CausalLM model)
    {
        using IDisposable _ = no_grad();
        return model.Logits(arange(20).view(2, 10), arange(10).view(1, 10));
    }
}
