using System.Text.Json;
using System.Text.Json.Nodes;
using Skipwise.Recipes;

namespace Skipwise.Tests.Cli;

/// <summary>export to a folder, as a user calls it.</summary>
public sealed class ExportFolderTests(SmallModel model) : IClassFixture<SmallModel>
{
    private static readonly JsonSerializerOptions s_snakeCase = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };
    private static readonly string[] s_yarn = ["--rope", "yarn", "--rope-factor", "4"];

    private static Task<CliRun> Export(params string[] arguments) => CliRun.Of(["export", .. arguments]);

    [Fact]
    public async Task A_run_is_exported_with_its_card_and_generates_the_same()
    {
        string run = model.Path("run"), results = model.Path("eval"), folder = model.Path("exported");
        (await CliRun.Of("train", "-m", model.Folder, "-d", model.Text, "-t", "256", "--steps", "2", "--batch-size", "1", "--eval-data",
            model.Text, "--eval-every", "2", "--eval-windows", "64,256", "-o", run)).Succeeded();
        CliRun exported = (await Export("-m", run, "-o", folder, "--for", "transformers-5")).Succeeded();
        Assert.Contains($"saved {folder}: llama, 11 tensors, f32, ", exported.Output);
        Assert.Equal(4, exported.Output.Split("as trained, frequencies equal, scale of cos and sin 1.1386 of 1.1386").Length - 1);
        string[] prompt = ["-p", "the keeper", "--max-new-tokens", "16"];
        Assert.Equal((await CliRun.Of(["generate", "-m", run, .. prompt])).Succeeded().Output,
            (await CliRun.Of(["generate", "-m", folder, .. prompt])).Succeeded().Output);
        string card = await File.ReadAllTextAsync(Path.Combine(folder, "README.md"), TestContext.Current.CancellationToken);
        foreach (string words in (string[])
        [
            "# exported", "a window of 256 tokens, extended from 64", "PoSE", "| RoPE scaling | yarn by 4 of 64 tokens |",
            "| optimizer steps | 2 |", "| data | text.jsonl |", "| perplexity | perplexity | 256 | ", "| transformers 5 | yes | as yarn |",
            "vllm serve exported --max-model-len 256", "llama-cli -m model.gguf -c 256", "mlx_lm.generate",
        ])
        {
            Assert.Contains(words, card);
        }
        Assert.DoesNotContain(Path.GetDirectoryName(model.Text)!, card); // nothing of the user's folders
        (await CliRun.Of("eval", "all", "-m", run, "--data", model.Text, "--lengths", "64,256", "--out", results)).Succeeded();
        (await Export("-m", run, "-o", folder, "--results", results)).Succeeded();
        Assert.Contains("| perplexity | perplexity | 64 | ", await File.ReadAllTextAsync(Path.Combine(folder, "README.md"),
            TestContext.Current.CancellationToken));
        (await Export("-m", run, "-o", folder, "--results", run)).Complained("no comparison.json in it");
        (await Export("-m", run, "-o", model.Path("x.gguf"), "--results", results)).Complained("--results", "no model card");
    }

    [Fact]
    public async Task A_program_that_would_run_it_otherwise_is_refused_with_those_that_do_not()
    {
        string folder = model.Path("revised");
        string[] revised = ["-m", model.Folder, "--rope", "yarn-revised", "--rope-factor", "4", "-o", folder];
        (await Export([.. revised, "--for", "mlx"])).Complained("mlx-lm", "attention factor of its own", "use ntk at the target length",
            "transformers 4", "vLLM", "llama.cpp");
        (await Export([.. revised, "--for", "llama.cpp", "--format", "hf"])).Complained("--for llama.cpp", "GGUF");
        (await Export([.. revised, "--for", "vllm", "--format", "gguf"])).Complained("--for", "only llama.cpp");
        (await Export([.. revised, "--for", "vlm"])).Complained("--for", "Did you mean", "vllm");
        Assert.False(Directory.Exists(folder));
        CliRun run = (await Export([.. revised, "--for", "vllm"])).Succeeded();
        Assert.Contains("mlx-lm: NOT as trained, frequencies equal, scale of cos and sin", run.Output);
        (await Export([.. revised, "--dtype", "q4_0"])).Complained("--dtype", "q4_0", "GGUF");
        Assert.Equal(0, (await Export([.. revised[..6], "--check", folder, "--for", "vllm"])).Code);
        (await Export([.. revised[..6], "--check", folder])).FailedCheck("mlx-lm", "attention factor of its own");
    }

    [Fact]
    public async Task A_folder_of_another_scaling_fails_its_check_with_the_keys()
    {
        string folder = model.Path("checked");
        (await Export(["-m", model.Folder, "-o", folder, .. s_yarn])).Succeeded();
        CliRun same = (await Export(["-m", model.Folder, "--check", folder, .. s_yarn, "--json"])).Succeeded();
        CheckedExport check = JsonSerializer.Deserialize<CheckedExport>(same.Output, s_snakeCase)!;
        Assert.Equal(["transformers 4", "transformers 5", "vLLM", "mlx-lm"], check.Programs.Select(program => program.Program));
        Assert.All(check.Programs, program => Assert.True(program is { Passes: true, IsFault: false, LargestRatio: < 1.000001 }));
        (await Export("-m", model.Folder, "--check", folder)).FailedCheck(folder, "rope_scaling is a scaling of type yarn, expected none");
        (await Export("-m", model.Folder, "--check", folder, "--for", "llama.cpp")).Complained("is a folder", "GGUF");
        string config = Path.Combine(folder, "config.json");
        var raw = (JsonObject)JsonNode.Parse(await File.ReadAllTextAsync(config, TestContext.Current.CancellationToken))!;
        raw["rope_scaling"]!["attention_factor"] = 1.1386 * 1.1386;
        await File.WriteAllTextAsync(config, raw.ToJsonString(), TestContext.Current.CancellationToken);
        (await Export(["-m", model.Folder, "--check", folder, .. s_yarn])).FailedCheck("vLLM", "rope_scaling.attention_factor is 1.296");
        // alone it is compared with what Skipwise reads there, and mlx-lm reads another factor
        raw["rope_parameters"]!["attention_factor"] = 1.1386 * 1.1386;
        await File.WriteAllTextAsync(config, raw.ToJsonString(), TestContext.Current.CancellationToken);
        (await Export("--check", folder)).FailedCheck("mlx-lm", "ignores an attention factor");
    }
}
