using System.CommandLine;
using System.Globalization;
using Skipwise.Cli.Flags;

namespace Skipwise.Tests.Cli;

/// <summary>What is wrong with a command is told at the door: before a file is read, and by the option's name.</summary>
public class DoorTests
{
    private const string Nowhere = "no-such-place";

    // an example's number and epoch may be any
    private static readonly string[] s_unlimited = ["--index", "--epoch"];

    public static TheoryData<string> Verbs => [.. VerbList.All.Select(verb => verb.Path)];

    [Theory]
    [MemberData(nameof(Verbs))]
    public async Task A_number_that_is_none_or_out_of_range_is_refused_by_name_before_anything_is_read(string path)
    {
        Verb verb = VerbList.All.Single(verb => verb.Path == path);
        foreach (Option option in verb.Options)
        {
            string[] values = Kind(option) == typeof(double) ? ["NaN", "Infinity", "-Infinity", "1e999", "-1e300", "1e300"]
                : Kind(option) != typeof(int) ? []
                : s_unlimited.Contains(option.Name) ? ["-1000001", "2147483648"] : ["-1000001", "2147483647", "2147483648"];
            foreach (string value in values)
            {
                CliRun run = await CliRun.Of([.. path.Split(' '), $"{option.Name}={value}", .. Needed(verb, option)], "");
                Assert.True(run.Code == 1, $"{path} {option.Name} {value}: exit code {run.Code}\n{run.Error}");
                Assert.True(run.Error.Contains($"{option.Name} ", StringComparison.Ordinal), $"{path} {option.Name} {value}: {run.Error}");
                Assert.DoesNotMatch(@"[A-Z]\w*(Options|Overrides|Rule|Scales)\.", run.Error);
                Assert.DoesNotContain(Nowhere, run.Error, StringComparison.Ordinal);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Verbs))]
    public async Task An_empty_name_of_a_file_or_folder_is_refused(string path)
    {
        Verb verb = VerbList.All.Single(verb => verb.Path == path);
        foreach (Option option in verb.Options.Where(option => option.HelpName is "file" or "folder" or "path"))
        {
            (await CliRun.Of([.. path.Split(' '), option.Name, "", .. Needed(verb, option)], "")).Complained(option.Name, "is empty");
        }
    }

    [Theory]
    [InlineData("--json")]
    [InlineData("--save-trials")]
    public async Task A_file_that_cannot_be_written_is_found_before_the_work(string option)
    {
        using var folder = new TempFolder();
        (await CliRun.Of("eval", "passkey", "--model", Nowhere, option, Path.Combine(folder[Nowhere], "x.json")))
            .Complained(option, "there is no folder");
        (await CliRun.Of("eval", "passkey", "--model", Nowhere, option, folder.Path)).Complained(option, "is a folder");
    }

    /// <summary>The model is nowhere: had any work begun, the complaint would be another.</summary>
    [Theory]
    [InlineData("eval all --model nowhere"), InlineData("eval perplexity --model nowhere --data nowhere")]
    [InlineData("eval passkey --model nowhere"), InlineData("eval needle --model nowhere"), InlineData("eval ruler --model nowhere")]
    [InlineData("eval tasks --model nowhere --tasks piqa --data nowhere"), InlineData("inspect --model nowhere")]
    [InlineData("inspect model --model nowhere"), InlineData("estimate --model nowhere --target-length 64")]
    public async Task Results_that_would_replace_a_file_of_others_are_refused_before_the_work(string line)
    {
        using var folder = new TempFolder();
        string mine = folder.Write("mine.json", "mine");
        (await CliRun.Of([.. line.Split(' '), "--json", mine])).Complained("--json", $"{mine}: exists, and Skipwise did not write it");
        Assert.Equal("mine", await File.ReadAllTextAsync(mine));
        Assert.DoesNotContain("did not write", (await CliRun.Of([.. line.Split(' '), "--json", folder.Write("empty.json", "")])).Error);
    }

    [Theory]
    [InlineData("eval all --model ,rope=yarn", "names no folder")]
    [InlineData("eval all --model m,adapter=", "names no folder")]
    [InlineData("eval all --model m,rope-factor=NaN", "rope-factor needs a number")]
    [InlineData("train --model m --data d --target-length 64 --out o --learning-rate-scale norms=Infinity", "--learning-rate-scale")]
    [InlineData("train --model m --data d --target-length 64 --out o --learning-rate-scale matrices=1e300",
        "--learning-rate-scale matrices")]
    [InlineData("pretrain --out o --hidden-size 100 --heads 3", "--hidden-size 100 and --heads 3")]
    [InlineData("eval perplexity --model m --data d --windows 8 --position-bins 8", "position-bins is 8")]
    [InlineData("eval ruler --model m --tasks nihilism", "there is no task \"nihilism\"", "--lengths", "64")]
    public async Task What_does_not_go_together_is_told_before_anything_is_read(string line, string complaint, params string[] more) =>
        (await CliRun.Of([.. line.Split(' '), .. more])).Complained(complaint);

    /// <summary>The other required options and arguments, with values that are right in themselves.</summary>
    private static IEnumerable<string> Needed(Verb verb, Option given) =>
        verb.Arguments.Where(argument => argument.Arity.MinimumNumberOfValues > 0).Select(_ => Nowhere)
        .Concat(verb.Options.Where(option => (option.Required || option.Name == "--prompt") && option != given)
        .SelectMany(option => (string[])[option.Name, Kind(option) == typeof(int) ? (option.Name == "--train-length" ? "32" : "64")
            : option.Name == "--tasks" ? "piqa" : Nowhere]));

    private static Type Kind(Option option) =>
        option.ValueType == typeof(IReadOnlyList<int>) ? typeof(int) : Nullable.GetUnderlyingType(option.ValueType) ?? option.ValueType;
}
