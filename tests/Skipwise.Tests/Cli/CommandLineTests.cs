using System.Text.RegularExpressions;

namespace Skipwise.Tests.Cli;

public partial class CommandLineTests
{
    [Fact]
    public async Task Help_lists_the_verbs()
    {
        CliRun run = (await CliRun.Of("--help")).Succeeded();
        Assert.Equal(
            """
            Description: Extends the context window of RoPE language models by PoSE (positional skip-wise training), and shows that the longer window works.
            Usage: skipwise [command] [options]
            Options: -?, -h, --help Show help and usage information --version Show version information
            Commands:
            demo Extend the shipped model 8x and show that it works: compare the base model, PoSE, and the same fine-tuning without skips.
            pretrain Train the small base model of 'demo' from scratch, on synthetic English text.
            prepare Tokenize text once, into a file that 'train' and 'eval perplexity' take as --data.
            train Extend a model's context window by PoSE: fine-tune on short windows whose position ids skip up to the target length.
            estimate Estimate memory and time of a training step, with PoSE and at full length, from the config and one short step.
            eval Evaluate a model by context length.
            report Write a report from results of 'eval all', without loading a model; several folders become one comparison.
            generate Generate text that continues a prompt; each piece is printed as soon as it is generated.
            inspect Show models and training windows.
            merge Merge a LoRA adapter into its base model and save the result as a new model folder.
            verify Compare Skipwise's logits with those that another program computed with the same model, for any position ids.
            """.ReplaceLineEndings(" "), OneLine(run.Output));
    }

    [Fact]
    public async Task Help_of_a_verb_describes_its_options_and_ends_with_an_example()
    {
        CliRun run = (await CliRun.Of("verify", "--help")).Succeeded();
        Assert.Equal(
            """
            Description: Compare Skipwise's logits with those that another program computed with the same model, for any position ids.
            Usage: skipwise verify [options]
            Options:
            --model <folder> (REQUIRED) Hugging Face folder
            --adapter <folder> LoRA adapter in PEFT's layout, merged into the model's weights as it is loaded
            --reference <file> (REQUIRED) safetensors file with input_ids [batch, tokens], and pairs position_ids.NAME [batch, tokens], logits.NAME [batch, tokens, vocabulary]
            --atol <x> absolute tolerance: largest difference of a logit that passes [default: 0.0001]
            --rope <type> RoPE scaling, in place of config.json's: default, linear, ntk, dynamic-ntk, yarn, yarn-revised, llama3, longrope
            --rope-factor <x> factor of the RoPE scaling: target length / original length
            --rope-original-length <n> window of the base model, in tokens, if config.json does not state it
            --rope-theta <x> base of the rotary frequencies, in place of config.json's
            --device <cpu|cuda|cuda:n> device to compute on [default: the GPU if libtorch finds one]
            --dtype <float32|bfloat16|float16> type of the forward and backward pass; float16 is for GPUs [default: float32]
            --tf32 let a GPU multiply float32 matrices in TF32 (10 bits of precision), several times as fast
            --threads <n> cores to compute on [default: all]
            -?, -h, --help Show help and usage information
            Example:
            skipwise verify --model llama-2-7b --reference reference.safetensors
            # reference.safetensors holds input_ids, and for every NAME position_ids.NAME and logits.NAME
            """.ReplaceLineEndings(" "), OneLine(run.Output));
    }

    [Theory]
    [InlineData("demo")]
    [InlineData("pretrain")]
    [InlineData("prepare")]
    [InlineData("train")]
    [InlineData("estimate")]
    [InlineData("eval perplexity")]
    [InlineData("eval passkey")]
    [InlineData("eval needle")]
    [InlineData("eval ruler")]
    [InlineData("eval all")]
    [InlineData("report")]
    [InlineData("eval tasks")]
    [InlineData("generate")]
    [InlineData("inspect")]
    [InlineData("inspect model")]
    [InlineData("inspect tensors")]
    [InlineData("inspect rope")]
    [InlineData("inspect plan")]
    [InlineData("merge")]
    [InlineData("verify")]
    public async Task The_example_of_a_verb_is_one_that_it_understands(string verb)
    {
        CliRun help = (await CliRun.Of([.. verb.Split(' '), "--help"])).Succeeded();
        string example = help.Output[help.Output.IndexOf("Example:", StringComparison.Ordinal)..].Split('\n')[1].Trim();
        Assert.StartsWith($"skipwise {verb} ", example, StringComparison.Ordinal);
        Assert.Empty(Skipwise.Cli.CommandLine.Root(null!, TextReader.Null).Parse(example["skipwise ".Length..]).Errors);
    }

    [Theory]
    [InlineData("trian --model x", "'trian' is not understood here. Did you mean 'train'?")]
    [InlineData("verify --modle x", "'--modle' is not understood here. Did you mean '--model'?")]
    [InlineData("verify --model x", "Option '--reference' is required.")]
    [InlineData("verify --model x --reference y --atol small", "--atol small: expected a number.")]
    [InlineData("inspect plan --train-length 4.5 --target-length 64", "--train-length 4.5: expected a whole number")]
    [InlineData("inspect plan --train-length 16 --target-length 64 --positions pos",
        "--positions pos: expected one of pose, full, short, randpos. Did you mean 'pose'?")]
    [InlineData("verify --model x --reference y --rope yarm",
        "--rope yarm: Unknown rope type 'yarm'. Use one of: default, linear, ntk, dynamic-ntk, yarn, yarn-revised, llama3, longrope. Did " +
        "you mean 'yarn'?")]
    public async Task What_is_not_understood_is_named_with_a_remedy(string line, string complaint) =>
        (await CliRun.Of(line.Split(' '))).Complained(complaint);

    [Fact]
    public async Task A_group_alone_shows_its_verbs()
    {
        CliRun run = await CliRun.Of("eval");
        Assert.Equal(1, run.Code);
        Assert.Contains("passkey", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Version_is_told() => Assert.Matches(@"^\d+\.\d+\.\d+", (await CliRun.Of("--version")).Succeeded().Output);

    private static string OneLine(string text) => Blanks().Replace(text, " ").Trim();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blanks();
}
