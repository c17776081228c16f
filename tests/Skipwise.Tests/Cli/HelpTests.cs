using System.CommandLine;
using System.CommandLine.Invocation;
using System.Text.RegularExpressions;
using Skipwise.Cli;
using Skipwise.Cli.Flags;
using Skipwise.Cli.Help;

namespace Skipwise.Tests.Cli;

/// <summary>Help texts: groups, the most used options first, examples that work, the terminal's width.</summary>
public class HelpTests
{
    public static TheoryData<string> Verbs => [.. VerbList.All.Select(verb => verb.Path)];

    [Fact]
    public void Every_option_is_in_one_group_and_every_group_has_options_that_there_are()
    {
        IEnumerable<string> options = VerbList.All.SelectMany(verb => verb.Options).Concat(VerbList.Root.Options)
            .Select(option => option.Name).Distinct();
        Assert.Equal(options.Order(StringComparer.Ordinal), HelpGroups.Options.Order(StringComparer.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Verbs))]
    public async Task Help_shows_the_most_used_options_and_help_all_every_one(string path)
    {
        Verb verb = VerbList.Named(path);
        string[] words = path.Split(' ');
        string some = (await CliRun.Of([.. words, "--help"])).Succeeded().Output, all =
            (await CliRun.Of([.. words, "--help", "all"])).Succeeded().Output;
        Assert.All(verb.Options, option => Assert.Matches($@"(?m)^ +(-\w, )?{Regex.Escape(option.Name)}(?![\w-])", all));
        Assert.All(verb.Options.Where(option => option.Required),
            option => Assert.Contains($"{option.Name} ", some, StringComparison.Ordinal));
        string[] listed =
            [.. some.Split('\n').TakeWhile(line => line != "General:").Where(line => line.StartsWith("  ", StringComparison.Ordinal))];
        Assert.InRange(listed.Length, 0, 16);
        Assert.Equal(all.Length > some.Length + 200, some.Contains($"skipwise {path} --help all describes all", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_ten_most_used_options_come_first()
    {
        string[] lines = (await CliRun.Of("train", "--help")).Succeeded().Output.Split('\n');
        string[] listed = [.. lines.SkipWhile(line => line != "Most used options:").Skip(1).TakeWhile(line => line.Length > 0)];
        Assert.Equal(10, listed.Length);
        Assert.Equal(["-m, --model", "-d, --data", "-t, --target-length", "-o, --out"],
            listed.Take(4).Select(line => line.Split('<')[0].Trim()));
        string[] groups = [.. (await CliRun.Of("train", "-h", "all")).Output.Split('\n').Where(line => line.EndsWith(':'))];
        Assert.Equal(
            ["Model:", "Data:", "PoSE:", "RoPE:", "Training:", "Optimizer:", "LoRA:", "Saving:", "Measuring:", "Machine:", "General:",
                "Examples:"], groups);
    }

    [Theory]
    [MemberData(nameof(Verbs))]
    public void A_verb_has_three_examples_that_it_understands(string path)
    {
        string[] examples =
            [.. VerbList.Named(path).Examples.Where(line => line.StartsWith($"skipwise {path}", StringComparison.Ordinal)
                || line.Contains($"(skipwise {path}", StringComparison.Ordinal))];
        Assert.InRange(examples.Length, 3, 5);
        foreach (string example in examples)
        {
            string line = example[(example.IndexOf("skipwise", StringComparison.Ordinal) + "skipwise ".Length)..]
                .Split([" < ", " > "], StringSplitOptions.None)[0];
            ParseResult parse = VerbList.Root.Parse(line.TrimEnd(' ', ')'));
            Assert.True(parse.Errors.Count == 0 || parse.Action is SynchronousCommandLineAction and not ParseErrorAction,
                $"{example}: {string.Join(' ', parse.Errors)}");
            Assert.Empty(SwallowedOptions.Find(parse, line.Split(' ')));
        }
    }

    [Theory]
    [InlineData(60), InlineData(80), InlineData(100)]
    public void Text_fills_the_terminal_and_no_more(int width)
    {
        foreach (Verb verb in VerbList.All)
        {
            using var page = new StringWriter();
            HelpPage.Write(verb, page, width, all: true);
            string[] lines = page.ToString().ReplaceLineEndings("\n").Split('\n');
            // a usage line, an example and an option's name are whole
            Assert.All(lines.TakeWhile(line => line != "Examples:")
                .Where(line => !line.StartsWith("Usage:", StringComparison.Ordinal) && !line.TrimStart().StartsWith('-')),
                line => Assert.InRange(line.Length, 0, width));
            Assert.True(verb.Name != "train" || lines.Count(line => line.Length > width - 12 && line.Length <= width) > 20);
        }
    }

    /// <summary>A changed help text is read before it is committed.</summary>
    [Theory]
    [MemberData(nameof(Verbs))]
    public void Every_help_text_is_that_of_its_snapshot(string path)
    {
        using var page = new StringWriter();
        HelpPage.Write(VerbList.Named(path), page, 100, all: true);
        Shown.Equal($"help-{path.Replace(' ', '-')}", page.ToString().ReplaceLineEndings("\n"));
    }

    [Fact]
    public async Task A_pipe_gets_one_line_per_option()
    {
        CliRun run = (await CliRun.Of("train", "--help", "all")).Succeeded();
        Assert.DoesNotContain('\u001b', run.Output);
        Assert.Contains(run.Output.Split('\n'), line => line.Length > 160
            && line.StartsWith("      --recompute-every <n>", StringComparison.Ordinal)
            && line.Contains("[default: ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_exit_codes_are_told()
    {
        string help = (await CliRun.Of("--help")).Succeeded().Output;
        Assert.All(
            (string[])["  0    success", "  1    wrong usage", "  2    a fault of Skipwise", "  3    a check failed", "  130  inter"],
            line => Assert.Contains($"\n{line}", help, StringComparison.Ordinal));
        string page = File.ReadAllText(Path.Combine(HouseRulesTests.Root(), "docs", "command-line.md"));
        Assert.All(ExitCode.All, code => Assert.Contains($"| {code.Code} |", page, StringComparison.Ordinal));
    }
}
