using System.CommandLine;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Cli.Flags;
using Skipwise.Models;
using Skipwise.Recipes;
using Skipwise.Runtime;

namespace Skipwise.Tests.Cli.Flags;

/// <summary>A user of the command reads flags where the library's texts name properties.</summary>
public class FlagNamesTests
{
    // options of the command itself, which set no property of the library
    private static readonly string[] s_own =
    [
        "--config", "--threads", "--json", "--quiet", "--list", "--fit", // the tool's own work
        "--prompt-file", "--needle-file", "--num-distractors", // make lists, which --needle and --distractor name
        "--host", "--port", "--api-key", // the server's, which is no part of the library
        "--epoch", "--index", "--sequence-length", "--from", // arguments of a call
    ];

    // verbs that call the library with values, not with options
    private static readonly string[] s_ofCalls =
    [
        "export --check", "inspect plan --document-length", "inspect plan --seed", "inspect rope --model", "inspect tensors --model",
        "report --out",
    ];

    // arguments of a command, and what only who calls the library can set
    private static readonly string[] s_withoutFlag =
        ["ChatTemplateOptions.Name", "GenerationOptions.LogitBias", "ReproductionOptions.Experiments"];

    private static readonly Verb[] s_verbs = [.. VerbList.All];

    [Fact]
    public void Every_option_says_which_properties_it_sets_and_they_exist()
    {
        HashSet<string> settable = OptionNameTests.Settable;
        foreach (Verb verb in s_verbs)
        {
            foreach (Option option in verb.Options.Where(option => option.Name is not ("--help" or "--version")))
            {
                string[] properties = option is ISetting setting ? [.. setting.Properties.Keys] : [];
                bool isOwn = s_own.Contains(option.Name) || s_ofCalls.Contains($"{verb.Path} {option.Name}");
                Assert.True(properties.Length > 0 != isOwn, $"{verb.Path} {option.Name} sets {string.Join(", ", properties)}");
                Assert.Empty(properties.Except(settable));
                Assert.All(properties, property => Assert.StartsWith(option.Name, FlagNames.Of(verb).In(property)));
            }
        }
    }

    [Fact]
    public void Every_option_that_the_librarys_texts_name_has_a_flag() =>
        Assert.Equal(
            s_withoutFlag,
            OptionNameTests.Named.Where(name => s_verbs.All(verb => !FlagNames.Of(verb).In(name).StartsWith('-')))
                .Order(StringComparer.Ordinal));

    [Fact]
    public void A_property_without_a_flag_of_the_command_is_told_in_words()
    {
        string text = $"lower {OptionName.Of(nameof(RopeOverrides.OriginalLength))}, or {OptionName.Of(nameof(ComputeOptions.Dtype))}";
        Assert.Equal("lower original length, or dtype", FlagNames.Of(Of("merge")).In(text));
        Assert.Equal("lower --rope-original-length, or --dtype", FlagNames.Of(Of("train")).In(text));
        Assert.Equal("lower original length, or dtype", FlagNames.None.In(text));
    }

    [Fact]
    public void A_report_speaks_of_the_options_that_made_its_results() =>
        Assert.Equal("give two --model", FlagNames.Of(Of("report")).In($"give two {OptionName.Of(nameof(EvaluateAllOptions.Models))}"));

    [Theory]
    [InlineData("train --model m --data d --out o --target-length 64 --lora-rank -1 --lora-dropout 2",
        "LoRA: --lora-rank is -1; it must be 0 (train the whole model) or more; --lora-dropout is 2; it must be below 1.")]
    [InlineData("train --model m --data d --out o --target-length 64 --merge",
        "--merge puts an adapter into the model, and without --lora-rank none is trained: leave it out.")]
    [InlineData("inspect plan --train-length 8 --target-length 8",
        "--target-length 8 is no longer than --train-length 8: there is nothing to extend.")]
    [InlineData("estimate --model m --target-length 64 --batch-size 65536 --gradient-accumulation 65536",
        "Estimate: --batch-size 65536 x --gradient-accumulation 65536 is 4294967296 examples a step")]
    [InlineData("eval perplexity --model m --data d --windows 64 --min-tokens 9 --max-tokens 8",
        "--max-tokens is 8; it must be at least 2 and not below --min-tokens")]
    [InlineData("pretrain --out o --list-steps 100000 --batch-size 65536", "--list-steps 100000 x --batch-size 65536 are more lists")]
    public async Task A_bad_value_is_told_by_its_flag(string line, string complaint) =>
        (await CliRun.Of(line.Split(' '))).Complained(complaint);

    [Fact]
    public async Task A_bad_value_from_a_file_is_told_by_its_flag_too()
    {
        using var folder = new TempFolder();
        string config = folder.Write("run.yaml", "model: m\ndata: [d]\nout: o\ntarget-length: 64\nchunks: 0\nwarmup_steps: -1\n");
        (await CliRun.Of("train", "--config", config)).Complained("--warmup-steps is -1; it must be at least 0");
        (await CliRun.Of("train", "--config", config, "--warmup-steps", "0")).Complained("Training: --chunks is 0; it must be at least 1");
    }

    [Fact]
    public async Task A_warning_about_a_model_names_the_flag()
    {
        using var folder = new TempFolder();
        string config = folder.Write("config.json", """
            {"model_type": "llama", "vocab_size": 32, "hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1,
             "num_attention_heads": 2, "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "hidden_act": "silu",
             "rope_scaling": {"type": "yarn", "factor": 2, "original_max_position_embeddings": 32}}
            """);
        string warning = $"say {OptionName.Of(nameof(RopeOverrides.Type))} yarn-revised";
        Assert.Contains(HfConfig.ForModel(Path.GetDirectoryName(config)!).Warnings, told => told.Contains(warning));
        CliRun run = await CliRun.Of("inspect", "rope", "--model", Path.GetDirectoryName(config)!);
        Assert.Contains("say --rope yarn-revised", run.Succeeded().Error);
    }

    private static Verb Of(string path) => s_verbs.Single(verb => verb.Path == path);
}
