using System.CommandLine;
using System.Globalization;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Cli.Flags;
using Skipwise.Models.Lora;
using Skipwise.Recipes;
using Skipwise.Rope;
using Skipwise.Tests.Cli;

namespace Skipwise.Tests;

/// <summary>
/// What README and pages state about the program is so: each kind of statement that once was false, compared with what it is about.
/// History (the log, the changelog) may state what was.
/// </summary>
public sealed partial class StatementTests
{
    private static readonly string s_root = HouseRulesTests.Root();

    private static readonly Dictionary<string, string> s_pages = Directory.GetFiles(s_root, "*.md")
        .Concat(Directory.GetFiles(Path.Combine(s_root, "docs"), "*.md"))
        .Where(page => Path.GetFileName(page) is not ("CHANGELOG.md" or "log.md"))
        .ToDictionary(page => Path.GetFileName(page)!, page => File.ReadAllText(page).ReplaceLineEndings("\n"));

    /// <summary>By which a test calls itself in another process: nobody sets them.</summary>
    private static readonly string[] s_ownProcesses = ["SKIPWISE_TEST_HOST", "SKIPWISE_TEST_HUGGING_FACE", "SKIPWISE_TEST_RANKS"];

    [Fact]
    public void Every_environment_variable_is_in_the_one_table()
    {
        string[] listed = [.. Rows("runtime.md", "variable").SelectMany(row => Codes(row[0]))];
        Assert.Equal(listed.Distinct(), listed);
        string[] read = [.. Sources().SelectMany(text => OwnVariable().Matches(text)).Select(match => match.Value)
            .Except(s_ownProcesses).Distinct()];
        Assert.Equal(read.Order(StringComparer.Ordinal), listed.Where(name => OwnVariable().IsMatch(name)).Order(StringComparer.Ordinal));
        Assert.Empty(s_pages.Values.SelectMany(page => Codes(page)).SelectMany(code => Variable().Matches(code))
            .Select(match => match.Value).Distinct().Except(listed));
        Assert.Empty(MachineReport.Variables.Except(listed));
    }

    /// <summary>"every command but A and B takes `--option`", and a row of the options' table that ends so.</summary>
    [Fact]
    public void Commands_that_do_not_take_an_option_are_those_that_a_page_names()
    {
        (string Option, string[] Without)[] stated =
        [
            .. s_pages.Values.SelectMany(page => ButSome().Matches(page.Replace('\n', ' ')))
                .Select(match => (match.Groups["option"].Value, Codes(match.Groups["verbs"].Value).ToArray())),
        ];
        Assert.InRange(stated.Length, 2, 20);
        Assert.All(stated, statement => Assert.Equal(statement.Without.Order(StringComparer.Ordinal), VerbList.All
            .Where(verb => verb.Options.All(option => option.Name != statement.Option)).Select(verb => verb.Path)
            .Order(StringComparer.Ordinal)));
    }

    [Fact]
    public void Letters_of_options_are_those_of_the_table() =>
        Assert.Equal(
            VerbList.All.SelectMany(verb => verb.Options).SelectMany(option => option.Aliases
                .Where(alias => alias.Length == 2).Select(letter => $"{letter} {option.Name}")).Distinct()
                .Where(pair => pair != "-h --help").Order(StringComparer.Ordinal),
            Rows("command-line.md", "option").Select(row => string.Join(' ', Codes(row[0])))
                .Where(pair => pair[1] != '-').Order(StringComparer.Ordinal));

    [Fact]
    public void Commands_of_the_readme_are_those_of_the_tool() =>
        Assert.Equal(
            VerbList.All.Select(verb => verb.Path).Where(path => !path.StartsWith("inspect ", StringComparison.Ordinal))
                .Order(StringComparer.Ordinal),
            Rows("README.md", "command").Select(row => Codes(row[0]).Single()).Order(StringComparer.Ordinal));

    [Fact]
    public void Families_and_scalings_are_those_of_the_program()
    {
        Assert.Equal(ModelFamily.Supported.Order(StringComparer.Ordinal),
            Rows("families.md", "`model_type`").Select(row => Codes(row[0]).Single()).Order(StringComparer.Ordinal));
        Assert.Equal(RopeTypeNames.All.Order(StringComparer.Ordinal),
            Rows("rope-scaling.md", "`--rope`").Select(row => Codes(row[0]).Single()).Order(StringComparer.Ordinal));
    }

    /// <summary>A number or a word beside the option that it is the default of.</summary>
    [Theory]
    [InlineData(@"`(?<option>--[\w-]+)`[^`(|]{0,12}\((?<value>\d[\d.,]*) by default\)", 1)]
    [InlineData(@"`(?<option>--[\w-]+) (?<value>[^`]+)` \(default\b", 1)]
    [InlineData(@"(?<value>\d[\d.,]*)[^.`|(]{1,60}\(`(?<option>--[\w-]+)`", 3)]
    [InlineData(@"more than (?<value>\d+) MB is refused(?<option>)", 1, "--max-document-mb")]
    [InlineData(@"more than (?<value>\d+) times its size(?<option>)", 1, "--max-decompression-ratio")]
    [InlineData(@"A length has (?<value>\d+) trials(?<option>)", 1, "--trials", "eval passkey")]
    [InlineData(@"`--seed` \| (?<value>\d+) in every command(?<option>)", 1, "--seed")]
    [InlineData(@"`(?<option>--chunks|--length-rule|--content)` \| `?(?<value>[\w.]+)", 3)]
    public void Defaults_that_pages_state_are_the_program_s(string pattern, int least, string? option = null, string? command = null)
    {
        (string Option, string Value)[] stated =
        [
            .. s_pages.Values.SelectMany(page => Regex.Matches(Wrap().Replace(page, " "), pattern))
                .Select(match => (option ?? match.Groups["option"].Value, match.Groups["value"].Value)),
        ];
        Assert.True(stated.Length >= least, $"{pattern}: {stated.Length} statements");
        Assert.All(stated, statement =>
        {
            string[] defaults = [.. VerbList.All.Where(verb => command is null || verb.Path == command).SelectMany(verb => verb.Options)
                .Where(known => known.Name == statement.Option).OfType<ISetting>().Select(known => known.DefaultText).OfType<string>()];
            string value = statement.Value.Replace(",", "", StringComparison.Ordinal);
            Assert.True(defaults.Contains(value) || IsDerived(statement.Option, value),
                $"{statement.Option} is stated to be {value}, and is {string.Join(", ", defaults.Distinct())}");
        });
    }

    /// <summary>The paper's setting beside ours, in the words of the table.</summary>
    [Fact]
    public void What_differs_from_the_paper_is_the_batch()
    {
        string[] row = Rows("method.md", "in the paper").Single(row => row[0].StartsWith("1000 steps", StringComparison.Ordinal));
        string Default(string option) => ((ISetting)VerbList.Named("train").Options.Single(known => known.Name == option)).DefaultText!;
        Assert.Equal($"{Default("--steps")} steps, batch 64, learning rate {Default("--learning-rate")}, {Default("--warmup-steps")} " +
            $"steps of warmup, {Default("--schedule")} decay", row[0]);
        Assert.EndsWith($"a batch of {Default("--batch-size")}", row[2]);
        Assert.Equal("1", Default("--gradient-accumulation"));
    }

    /// <summary>Tests that vouch for a statement, and files of the repository.</summary>
    [Fact]
    public void Tests_and_files_that_pages_name_exist()
    {
        string[] tests = [.. Directory.EnumerateFiles(Path.Combine(s_root, "tests"), "*.cs", SearchOption.AllDirectories)
            .Select(file => Path.GetFileName(file).Split('.')[0])];
        string[] codes = [.. s_pages.Values.SelectMany(Codes)];
        string[] namedTests = [.. codes.Where(code => TestClass().IsMatch(code)).Distinct()];
        string[] namedFiles = [.. codes.Select(code => code.Split(' ')[0]).Where(code => RepositoryFile().IsMatch(code)).Distinct()];
        Assert.True(namedTests.Length >= 5 && namedFiles.Length >= 10, $"{namedTests.Length} tests, {namedFiles.Length} files");
        Assert.Empty(namedTests.Except(tests));
        Assert.All(namedFiles, file => Assert.NotEmpty(Directory.GetFileSystemEntries(s_root, file.TrimEnd('/'))));
    }

    /// <summary>Each package that is used has its reason, and none has one that is not used.</summary>
    [Fact]
    public void Packages_are_those_that_are_referenced()
    {
        Dictionary<string, string> used = XDocument.Load(Path.Combine(s_root, "Directory.Packages.props")).Descendants("PackageVersion")
            .ToDictionary(package => (string)package.Attribute("Include")!, package => (string)package.Attribute("Version")!);
        (string Name, string Version)[] stated = [.. Rows("architecture.md", "package").SelectMany(row => row[0].Split('(')[0].Split(','))
            .Select(name => name.Trim().Split(' ')).Select(words => (words[0], words.ElementAtOrDefault(1) ?? ""))];
        bool IsOf(string package, string name) => package == name || package.EndsWith($".{name}", StringComparison.Ordinal)
            || package.StartsWith($"{name}.runtime.", StringComparison.Ordinal) || package.StartsWith($"{name}-", StringComparison.Ordinal);
        Assert.All(used.Keys, package => Assert.Contains(stated, row => IsOf(package, row.Name)));
        Assert.All(stated, row => Assert.Contains(used,
            package => IsOf(package.Key, row.Name) && package.Value.StartsWith(row.Version, StringComparison.Ordinal)));
    }

    /// <summary>A page that tells how to compute on a GPU says that nobody has yet, or leads to the page that says it.</summary>
    [Fact]
    public void No_page_sells_what_has_not_run()
    {
        string[] selling =
            [.. s_pages.Where(page => page.Value.Contains("--device cuda", StringComparison.Ordinal)).Select(page => page.Key)];
        Assert.Contains("README.md", selling);
        Assert.All(selling, page => Assert.Matches(@"not\s+(yet\s+)?been\s+run\s+on\s+a\s+GPU|\]\(gpu\.md\)", s_pages[page]));
        Assert.Matches(@"not\s+been run on a GPU yet", s_pages["gpu.md"]);
    }

    /// <summary>Defaults that follow from something else, in the page's words: alpha is twice the rank, adapters are scaled by alpha /
    /// rank.</summary>
    private static bool IsDerived(string option, string value) => option == "--lora-alpha"
        && value == new LoraOptions { Rank = 8 }.Scaling.ToString(CultureInfo.InvariantCulture);

    /// <summary>Cells of the rows of a table whose first heading is given.</summary>
    private static IEnumerable<string[]> Rows(string page, string heading) =>
        s_pages[page].Split('\n').SkipWhile(line => !line.StartsWith($"| {heading} |", StringComparison.Ordinal)).Skip(2)
            .TakeWhile(line => line.StartsWith('|'))
            .Select(line => line.Trim('|').Split(" | ", StringSplitOptions.TrimEntries));

    private static IEnumerable<string> Codes(string text) => Code().Matches(text).Select(match => match.Groups[1].Value);

    /// <summary>Whatever reads an environment variable: code, scripts of the gate and the benchmarks.</summary>
    private static IEnumerable<string> Sources() => ((string[])["src", "tests", "bench"])
        .SelectMany(folder => Directory.EnumerateFiles(Path.Combine(s_root, folder), "*.cs", SearchOption.AllDirectories))
        .Where(file => Path.GetFileName(file) != $"{nameof(StatementTests)}.cs")
        .Concat(Directory.EnumerateFiles(Path.Combine(s_root, ".ci")))
        .Concat([Path.Combine(s_root, "bench", "run"), Path.Combine(s_root, "bench", "gpu"), Path.Combine(s_root, "Dockerfile")])
        .Select(File.ReadAllText);

    [GeneratedRegex("(?<![A-Z_])SKIPWISE_[A-Z_]*[A-Z](?![a-z])")]
    private static partial Regex OwnVariable();

    [GeneratedRegex("(?<![A-Za-z_])(SKIPWISE|OMP|MKL|CUDA|LD|TORCH|DOTNET|ATEN|SNAPSHOOTER|HF|XDG)_[A-Za-z0-9_]*[A-Za-z0-9]")]
    private static partial Regex Variable();

    [GeneratedRegex(@"(?:`(?<option>--[\w-]+)` \| [^|]*)?[Ee]very command but (?<verbs>`[^`]+`(?:(?:, | and )`[^`]+`)*) takes " +
        @"(?:one\b|`(?<option>--[\w-]+)`)")]
    private static partial Regex ButSome();

    [GeneratedRegex(@"(?<=\S)\n(?=\S)")]
    private static partial Regex Wrap();

    [GeneratedRegex(@"`([^`\n]+)`")]
    private static partial Regex Code();

    [GeneratedRegex(@"^[A-Z]\w+Tests$")]
    private static partial Regex TestClass();

    [GeneratedRegex(@"^(src|tests|docs|bench|samples|models|\.ci)/[\w./*-]+$")]
    private static partial Regex RepositoryFile();
}
