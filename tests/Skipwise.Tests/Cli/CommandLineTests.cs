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
            Extends the context window of RoPE language models by PoSE (positional skip-wise training), and shows that the longer
            window works.
            Usage: skipwise <command> [options]
            Commands:
            demo Extend the shipped model 8x and show that it works: compare the base model, PoSE, and the same fine-tuning without
            skips.
            reproduce Reproduce tables and figures of the PoSE paper with the shipped model, and judge its claims by their numbers.
            pretrain Train the small base model of 'demo' from scratch, on synthetic English text.
            pull Download a model or an adapter from the Hugging Face hub: only the files that Skipwise reads.
            prepare Tokenize text once, into a file that 'train' and 'eval perplexity' take as --data.
            train Extend a model's context window by PoSE: fine-tune on short windows whose position ids skip up to the target
            length.
            estimate Estimate memory and time of a training step, with PoSE and at full length, from the config and one short step.
            coverage Show how often a run trains each relative distance, and which have low coverage, beside the windows of the
            paper's figure 5.
            eval Evaluate a model by context length.
            report Write a report from results of 'eval all', without loading a model; several folders become one comparison.
            generate Generate text that continues a prompt, or answer it; each piece is printed as soon as it is generated.
            serve Serve models by OpenAI's API, for programs and browsers on this machine.
            inspect Show models and training windows.
            merge Merge a LoRA adapter into its base model, or average a tuned model with its base, and save the result as a new
            model folder.
            export Export a model for other programs, as a Hugging Face folder or a GGUF file, or check what is exported.
            verify Compare Skipwise's logits with those that another program computed with the same model, for any position ids.
            doctor Show what Skipwise runs on: machine, libtorch, kernels, native patches, GPU, MPI, memory and disk. Put it into a
            bug report.
            completion Print a script that makes a shell complete verbs, options and their values.
            General:
            --version Show version information
            -h, --help this page
            Exit codes:
            0 success
            1 wrong usage or input: an unknown option, a file that cannot be read, an impossible setting
            2 a fault of Skipwise: please report it
            3 a check failed: a gate of 'eval all' or 'report', a criterion of 'demo', the logits of 'verify', 'export --check',
            the libtorch of 'doctor'
            130 interrupted by Ctrl+C, SIGTERM or SIGHUP
            Environment variables:
            SKIPWISE_LIBTORCH the lib folder of an installed PyTorch 2.10, whose libtorch is used in place of the packaged one
            SKIPWISE_NATIVE_PATCHES 'off' leaves the loaded libtorch as it is
            SKIPWISE_TRACE 1 shows where in the code an error arose
            'skipwise COMMAND --help' shows a command, 'skipwise COMMAND --help all' every option of it.
            """.ReplaceLineEndings(" "), OneLine(run.Output));
    }

    [Fact]
    public async Task Help_of_a_verb_describes_its_options_and_ends_with_examples()
    {
        CliRun run = (await CliRun.Of("verify", "--help")).Succeeded();
        string page = File.ReadAllText(
            Path.Combine(HouseRulesTests.Root(), "tests", "Skipwise.Tests", "__snapshots__", "help-verify.snap"));
        Assert.Equal(OneLine(page), OneLine(run.Output));
        Assert.EndsWith("position_ids.NAME and logits.NAME", OneLine(run.Output), StringComparison.Ordinal); // the last example's
    }

    [Theory]
    [InlineData("trian --model x", "'trian' is not understood here. Did you mean 'train'?")]
    [InlineData("verify --modle x", "'--modle' is not understood here. Did you mean '--model'?")]
    [InlineData("reproduce table9", "Argument 'table9' not recognized. Must be one of: 'table1' 'fig2'")]
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
