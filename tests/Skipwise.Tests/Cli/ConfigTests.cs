using System.CommandLine;
using Skipwise.Cli.Config;
using Skipwise.Cli.Flags;

namespace Skipwise.Tests.Cli;

/// <summary><c>--config</c>: a file says what flags say, by the same names; flags overrule it; the effective file starts the run
/// again.</summary>
public sealed class ConfigTests(SmallModel model) : IClassFixture<SmallModel>
{
    [Fact]
    public async Task The_effective_file_of_a_run_starts_it_again_to_the_same_bytes()
    {
        string first = model.Path("first"), second = model.Path("second"), third = model.Path("third");
        string config = Write("first.yaml", $"""
            # a run
            model: {model.Folder}
            data: [{model.Text}]
            out: {first}
            target_length: 256
            steps: 9
            batch-size: 2
            learning-rate: 2.50e-3
            eval-every: 2
            eval-passkey-lengths:
              - 110
              - 128
            eval-passkey-trials: 1
            split-after: ["."]
            mask-seams: true
            separator: "~"
            rope:
            """);
        (await CliRun.Of("train", "--config", config, "--steps", "3")).Succeeded();
        string effective = Path.Combine(first, "run.yaml"), text = File.ReadAllText(effective);
        Assert.Contains("\nsteps: 3\n", text); // flags before the file
        Assert.Contains("\nlearning-rate: 2.50e-3\n", text); // the file before defaults
        Assert.Contains("\nweight-decay: 0\n", text); // defaults
        Assert.Contains("\nmask-seams: true\n", text);
        Assert.Contains("\neval-passkey-lengths: 110,128\n", text);
        Assert.Contains("# optimizer steps [default: 1000]\n", text);
        Assert.DoesNotContain("resume", text);
        Assert.DoesNotContain("\nrope:", text);

        (await CliRun.Of("train", "--config", effective, "--out", second)).Succeeded();
        Assert.Equal(await File.ReadAllBytesAsync(Path.Combine(first, "model.safetensors")),
            await File.ReadAllBytesAsync(Path.Combine(second, "model.safetensors")));
        Assert.Equal(text.Replace(first, second, StringComparison.Ordinal), File.ReadAllText(Path.Combine(second, "run.yaml")));

        (await CliRun.Of("train", "--config", effective, "--out", third, "--mask-seams", "false")).Succeeded();
        Assert.Contains("\nmask-seams: false\n", File.ReadAllText(Path.Combine(third, "run.yaml")));
        (await CliRun.Of("train", "--config", effective)).Complained("run", "another --out");
    }

    [Fact]
    public async Task Everything_wrong_with_a_file_is_said_at_once_with_its_place()
    {
        string config = Write("wrong.yaml", """
            model: somewhere
            lerning-rate: 1
            steps: many
            batch-size: 2
            batch_size: 4
            mask-seams: maybe
            chunks: [1, 2]
            resume: true
            """);
        CliRun run = await CliRun.Of("train", "--config", config, "--data", "x", "--out", "y");
        Assert.Equal(1, run.Code);
        Assert.Equal(
            [
                $"error: {config}, line 2: 'lerning-rate' is no option of this command. Did you mean 'learning-rate'?",
                $"error: {config}, line 5: 'batch_size' is in line 4 already. Keep one of them.",
                $"error: {config}, line 6: 'mask-seams' is true or false, found 'maybe'.",
                $"error: {config}, line 8: 'resume' is no option of this command.",
                "error: Option '--target-length' is required.",
                $"error: {config}, line 7: --chunks 1,2: expected a whole number up to 2147483647.",
                $"error: {config}, line 3: --steps many: expected a whole number up to 2147483647.",
            ],
            run.Error.Split('\n').Where(line => line.StartsWith("error: ", StringComparison.Ordinal)), StringComparer.Ordinal);
    }

    [Theory]
    [InlineData("- a\n- b\n", "line 1", "expected 'name: value' lines")]
    [InlineData("steps: 1\ndata: {a: b}\n", "line 2", "'data' takes a value or a list of values")]
    [InlineData("steps: 1\ndata: [[a]]\n", "line 2", "'data' takes")]
    [InlineData("steps: 1\n  batch-size: 2\n", "line 2", "name: value")]
    [InlineData("steps: [1\n", "line ", "name: value")]
    [InlineData("steps: 1\ndata: [a\nout: b\n", "line ", "a bracket or a quote may be open", "name: value")]
    [InlineData("eval-windows: [32, 64\n# comment\nsteps: 1\n", "line 1", "name: value")]
    [InlineData("a: [b [c: d]\ne: 1\n", "line 1", "name: value")]
    [InlineData("a: {b\nc: d\n", "line 1")]
    [InlineData("steps: 1\ndata: \"a\nout: b\n", "line 2", "name: value")]
    [InlineData("steps: &a 1\ndata: *a\n", "line 2", "'data' takes a value")]
    [InlineData("steps: 1\n---\nsteps: 2\n", "line 2", "second document")]
    [InlineData("just words", "line 1", "expected 'name: value' lines")]
    public async Task A_file_that_is_no_flat_mapping_is_refused_with_its_line(string text, params string[] hints) =>
        (await CliRun.Of("train", "--config", Write("odd.yaml", text))).Complained([model.Path("odd.yaml"), .. hints]);

    [Fact]
    public async Task A_missing_file_is_named() =>
        (await CliRun.Of("train", "--config", model.Path("none.yaml"))).Complained("none.yaml", "--config");

    [Theory]
    [InlineData("")]
    [InlineData("# nothing\n")]
    public async Task An_empty_file_changes_nothing(string text) =>
        Assert.Contains("Option '--model' is required.", (await CliRun.Of("train", "--config", Write("empty.yaml", text))).Error);

    [Fact]
    public async Task Measuring_takes_a_file_too()
    {
        string config = Write("eval.yaml", $"model: {model.Folder}\nlengths: [110]\ntrials: 2\n");
        Assert.Matches(@"110 +\d/3", (await CliRun.Of("eval", "passkey", "--config", config, "--trials", "3")).Succeeded().Output);
    }

    /// <summary>Whatever text an option holds, the file that is written gives it back.</summary>
    [Theory]
    [InlineData("~"), InlineData("a: b # c"), InlineData("\"quoted\" \\ 'text'"), InlineData("line\nline"), InlineData("- x"),
        InlineData("true"), InlineData("[1]"), InlineData("ünï ☃"), InlineData("@file"), InlineData("--steps")]
    public void Texts_survive_the_file(string text)
    {
        RootCommand root = Skipwise.Cli.CommandLine.Root(null!, TextReader.Null);
        string[] words =
            ["train", "--model", "m", "--out", "o", "--target-length", "5", $"--data={text}", "--data=other", $"--separator={text}"];
        string file = Write("texts.yaml", EffectiveConfig.Text(root.Parse(words, s_plain)));
        ConfigEntry[] entries = [.. ConfigFile.Read(file)];
        Assert.Equal([text, "other"], entries.Single(entry => entry.Key == "data").Values);
        Assert.Equal([text], entries.Single(entry => entry.Key == "separator").Values);
        Assert.Equal(((Verb)root.Subcommands.Single(verb => verb.Name == "train")).Settings.Select(setting => setting.Name[2..])
            .Intersect(entries.Select(entry => entry.Key)), entries.Select(entry => entry.Key));
    }

    private static readonly ParserConfiguration s_plain = new();

    private string Write(string name, string text)
    {
        File.WriteAllText(model.Path(name), text);
        return model.Path(name);
    }
}
