using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using Skipwise.Cli.Display;
using Skipwise.Cli.Flags;

namespace Skipwise.Cli.Help;

/// <summary>
/// The help of a command: its most used options and examples; <c>--help all</c> lists every option in groups. It fills the width of a
/// terminal, and is not wrapped when piped.
/// </summary>
internal sealed class HelpPage(Screen screen) : SynchronousCommandLineAction
{
    /// <summary>A verb with at most this many options besides the general ones shows them all.</summary>
    private const int Few = 12;
    private const int Most = 10, NarrowestText = 24, Indent = 2, Gap = 2;
    private const string All = "all";

    private static readonly (string Name, string Meaning)[] s_environment =
    [
        ("SKIPWISE_LIBTORCH", "the lib folder of an installed PyTorch 2.10, whose libtorch is used in place of the packaged one"),
        ("SKIPWISE_NATIVE_PATCHES", "'off' leaves the loaded libtorch as it is"),
        (Failure.TraceVariable, "1 shows where in the code an error arose"),
    ];

    /// <summary>Replaces the help of <paramref name="root"/> and of everything below it.</summary>
    public static void Install(RootCommand root, Screen screen) =>
        root.Options.OfType<HelpOption>().Single().Action = new HelpPage(screen);

    /// <summary>Whether <paramref name="args"/> have "--help all".</summary>
    /// <param name="rest">the arguments without the word "all"</param>
    public static bool AsksForAll(string[] args, out string[] rest)
    {
        int help = Array.FindIndex(args, word => word is "--help" or "-h" or "-?");
        bool asks = help >= 0 && help + 1 < args.Length && args[help + 1] == All;
        rest = asks ? [.. args[..(help + 1)], .. args[(help + 2)..]] : args;
        return asks;
    }

    public override int Invoke(ParseResult parseResult) => Show(parseResult, all: false);

    /// <summary>Every option.</summary>
    /// <returns>the exit code</returns>
    public int ShowAll(ParseResult parse) => Show(parse, all: true);

    /// <param name="width">columns; null does not wrap</param>
    /// <param name="all">every option, in groups</param>
    public static void Write(Command command, TextWriter output, int? width, bool all)
    {
        var page = new HelpWriter(output, width ?? int.MaxValue, Indent, Gap, NarrowestText);
        page.Text(command.Description ?? "");
        page.Line();
        page.Line($"Usage: {Path(command)}{(command.Subcommands.Count > 0 ? " <command>" : "")}{Arguments(command)} [options]");
        page.Line();
        if (command.Subcommands.Count > 0)
        {
            page.Section("Commands:", [.. command.Subcommands.Select(verb => (verb.Name, verb.Description ?? ""))]);
        }
        page.Section("Arguments:",
            [.. command.Arguments.Select(argument => ($"<{argument.HelpName ?? argument.Name}>", argument.Description ?? ""))]);
        Options(command, page, all);
        if (command is RootCommand)
        {
            page.Section("Exit codes:", [.. ExitCode.All.Select(code => ($"{code.Code}", code.Meaning))]);
            page.Section("Environment variables:", s_environment);
            page.Line("'skipwise COMMAND --help' shows a command, 'skipwise COMMAND --help all' every option of it.");
        }
    }

    private static void Options(Command command, HelpWriter page, bool all)
    {
        Option[] own = [.. command.Options.Where(option => !option.Hidden && HelpGroups.Of(option) != HelpGroups.General)];
        bool isLong = own.Length > Few, shortened = !all && isLong;
        if (shortened)
        {
            page.Section("Most used options:", Rows(HelpGroups.MostUsed(own, Most)));
        }
        else
        {
            foreach (string group in HelpGroups.Names.Where(name => name != HelpGroups.General))
            {
                page.Section($"{group}:", Rows(own.Where(option => HelpGroups.Of(option) == group)));
            }
        }
        IEnumerable<Option> general = command.Options.Where(option => !option.Hidden && HelpGroups.Of(option) == HelpGroups.General);
        (string, string) help = isLong ? ("-h, --help [all]", "the most used options; all: every option") : ("-h, --help", "this page");
        page.Section($"{HelpGroups.General}:", [.. Rows(general.Where(option => option is not HelpOption)), help]);
        if (command is Verb verb)
        {
            page.Line("Examples:");
            foreach (string line in verb.Examples)
            {
                page.Line($"  {line}");
            }
            page.Line();
            if (shortened)
            {
                string[] groups = [.. HelpGroups.Names.Where(name => own.Any(option => HelpGroups.Of(option) == name))];
                page.Text($"{Path(command)} --help {All} describes all {own.Length} options: {string.Join(", ", groups)}.");
            }
        }
    }

    private static IReadOnlyList<(string, string)> Rows(IEnumerable<Option> options) =>
        [.. options.Select(option => (Names(option), $"{option.Description}{(option.Required ? " (required)" : "")}"))];

    /// <summary>"-m, --model &lt;folder&gt;": names of earlier versions are understood, and not shown.</summary>
    private static string Names(Option option)
    {
        string? letter = option.Aliases.FirstOrDefault(name => name.Length == 2);
        string value = option.HelpName is null ? ""
            : option.Arity.MinimumNumberOfValues == 0 ? $" [{option.HelpName}]" : $" <{option.HelpName}>";
        return $"{(letter is null ? "    " : $"{letter}, ")}{option.Name}{value}";
    }

    private static string Arguments(Command command) =>
        string.Concat(command.Arguments.Select(argument => $" <{argument.HelpName ?? argument.Name}>"));

    /// <summary>"skipwise eval passkey": the verb with its groups.</summary>
    internal static string Path(Command command) => command is RootCommand
        ? "skipwise"
        : $"{Path(command.Parents.OfType<Command>().First())} {command.Name}";

    private int Show(ParseResult parse, bool all)
    {
        Write(parse.CommandResult.Command, screen.Output, screen.Interactive ? screen.Terminal.Profile.Width : null, all);
        return ExitCode.Success;
    }
}
