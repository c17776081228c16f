using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.RegularExpressions;
using Skipwise.Cli;
using Skipwise.Cli.Display;
using Spectre.Console;

namespace Skipwise.Tests;

/// <summary>What the README and the pages of docs say about the command line is what it does.</summary>
public sealed partial class DocumentationTests
{
    /// <summary>History: old names stay in it.</summary>
    private static readonly string[] s_history = ["CHANGELOG.md", "log.md"];

    private static readonly string[] s_pages =
    [
        .. Directory.GetFiles(HouseRulesTests.Root(), "*.md"),
        .. Directory.GetFiles(Path.Combine(HouseRulesTests.Root(), "docs"), "*.md"),
    ];

    /// <summary>Options of other programs.</summary>
    private static readonly string[] s_foreign =
    [
        "--local-dir", "--max-model-len", "--project", "--platform", "--check-estimate", "--case", "--core", "--list", "--warningsAsErrors",
        "--decode", "--no-avx512", "--peer", "--peer-patched", "--read", "--type", // bench/run
        "--lora", "--override-kv", "--rope-freq-base", "--rope-scale", "--rope-scaling", "--yarn-orig-ctx", // llama.cpp
        "--bind-to", "--hostfile", "--map-by", "--mca", // mpirun
        "--cpus-per-task", "--gpus-per-node", "--kill-on-bad-exit", "--mpi", "--nodes", "--ntasks-per-node", "--signal", // Slurm
        "--no-python", "--nproc-per-node", // torchrun
        "--collectives", "--fit", "--network", "--pairs", "--predict", "--timeline", // bench/ranks
    ];

    private static RootCommand Root => CommandLine.Root(
        new Screen(AnsiConsole.Create(new() { Out = new AnsiConsoleOutput(TextWriter.Null) }), TextWriter.Null, TextWriter.Null),
        TextReader.Null);

    public static TheoryData<string> Pages => [.. s_pages.Select(page => Path.GetRelativePath(HouseRulesTests.Root(), page))];

    /// <summary>Blocks of code, and code within a line. A line with "..." leaves options out.</summary>
    [Theory]
    [MemberData(nameof(Pages))]
    public void Every_command_is_one_that_the_tool_understands(string page)
    {
        Assert.All(Commands(page), command =>
        {
            string[] words = [.. Words(command).Skip(1)];
            bool isPart = words.Contains("...") || words.Contains("--config") || words.Length <= 2;
            ParseResult parse = Root.Parse([.. words.Where(word => word != "...")]);
            string[] errors = [.. parse.Errors.Select(error => error.Message).Where(message => !isPart || !IsMissing(message))];
            Assert.True(errors.Length == 0, $"{page}: {command}\n{string.Join("\n", errors)}");
        });
    }

    /// <summary>The site has no other way to a page than its menu.</summary>
    [Fact]
    public void Every_page_is_in_the_menu_of_the_site()
    {
        string docs = Path.Combine(HouseRulesTests.Root(), "docs");
        string[] menu = [.. File.ReadLines(Path.Combine(docs, "toc.yml")).Where(line => line.Contains("href:", StringComparison.Ordinal))
            .Select(line => Path.GetFullPath(Path.Combine(docs, line[(line.IndexOf(':') + 1)..].Trim())))];
        Assert.Empty(s_pages.Select(Path.GetFullPath).Except(menu));
    }

    [Fact]
    public void Commands_are_found() => Assert.True(s_pages.Sum(page => Commands(page).Count()) > 40);

    [Theory]
    [MemberData(nameof(Pages))]
    public void Every_option_that_is_named_exists(string page)
    {
        if (s_history.Contains(Path.GetFileName(page)))
        {
            return;
        }
        HashSet<string> known = [.. Options(Root), .. s_foreign];
        Assert.All(
            NamedOption().Matches(Text(page)).Select(match => match.Groups[1].Value),
            option => Assert.True(known.Contains(option), $"{page} names {option}"));
    }

    /// <summary>The page quotes messages: a text that no message has any more helps nobody.</summary>
    [Fact]
    public void Messages_that_are_explained_exist()
    {
        string sources = string.Concat(
            Directory.EnumerateFiles(Path.Combine(HouseRulesTests.Root(), "src"), "*.cs", SearchOption.AllDirectories)
                .Append(Path.Combine(HouseRulesTests.Root(), "Directory.Build.targets")).Select(File.ReadAllText));
        sources = SplitLiteral().Replace(sources, "");
        string[] rows = [.. Text("docs/troubleshooting.md").Split('\n').Where(line => line.StartsWith("| ", StringComparison.Ordinal))];
        string[] quoted = [.. rows.SelectMany(row => Code().Matches(row.Split(" | ")[0])).Select(match => match.Groups[1].Value)];
        string[] ofOthers = ["Couldn't find a valid ICU package", "GLIBCXX_3.4.32' not found"];
        Assert.All(ofOthers, message => Assert.Contains(message, quoted));
        Assert.All(quoted.Except(ofOthers), message => Assert.Contains(message, sources));
    }

    /// <summary>Links within the project lead to files.</summary>
    [Theory]
    [MemberData(nameof(Pages))]
    public void Links_lead_somewhere(string page)
    {
        string folder = Path.GetDirectoryName(Path.Combine(HouseRulesTests.Root(), page))!;
        Assert.All(
            Link().Matches(Text(page)).Select(match => match.Groups[1].Value).Where(link => !link.Contains("://")),
            link => Assert.True(Path.Exists(Path.Combine(folder, link.Split('#')[0])), $"{page} links to {link}"));
    }

    private static string Text(string page) => File.ReadAllText(Path.Combine(HouseRulesTests.Root(), page));

    private static bool IsMissing(string message) => message.Contains("required", StringComparison.OrdinalIgnoreCase);

    private static IEnumerable<string> Options(Command command) =>
        [.. command.Options.SelectMany(option => option.Aliases.Append(option.Name)), .. command.Subcommands.SelectMany(Options)];

    /// <summary>Lines of blocks of code, and code within a line, that begin with the tool's name.</summary>
    private static IEnumerable<string> Commands(string page)
    {
        string text = Continuation().Replace(Text(page), " ");
        bool isHistory = s_history.Contains(Path.GetFileName(page));
        return CommandLines().Matches(text).Select(match => match.Groups[1].Value)
            .Concat(isHistory ? [] : Code().Matches(Wrap().Replace(text, " ")).Select(match => match.Groups[1].Value)
                .Where(code => code.StartsWith("skipwise ", StringComparison.Ordinal)))
            .Select(line => line.Split(" #")[0].Trim()).Distinct();
    }

    /// <summary>The words of a line of a POSIX shell: quotes hold words together.</summary>
    private static IEnumerable<string> Words(string line) =>
        ShellWord().Matches(line).Select(match => match.Value.Replace("'", "").Replace("\"", ""))
            .TakeWhile(word => word is not ("&&" or "|" or ">" or ";"));

    [GeneratedRegex(@"(?:[^\s""']|""[^""]*""|'[^']*')+")]
    private static partial Regex ShellWord();

    [GeneratedRegex(@"\\\n\s*")]
    private static partial Regex Continuation();

    [GeneratedRegex(@"(?<=\S)\n(?=\S)")]
    private static partial Regex Wrap();

    [GeneratedRegex(@"^(?: {4}|\$ |)(skipwise [a-z].*)$", RegexOptions.Multiline)]
    private static partial Regex CommandLines();

    [GeneratedRegex(@"`([^`\n]+)`")]
    private static partial Regex Code();

    [GeneratedRegex(@"(?<![\w-])(--[a-z][a-zA-Z0-9-]+)")]
    private static partial Regex NamedOption();

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex("\" ?\\+?\\s*\\n\\s*\\+? ?\\$?\"")]
    private static partial Regex SplitLiteral();
}
