using System.CommandLine;
using System.CommandLine.Parsing;
using Skipwise.Cli.Verbs;

namespace Skipwise.Cli;

/// <summary>The whole command: parses, runs a verb, turns whatever happens into an exit code and, if it went wrong, a clear message.</summary>
internal static class CommandLine
{
    // A large model takes its time to reach the disk after Ctrl+C; the library's default would cut it off after two seconds.
    private static readonly TimeSpan s_timeToSave = TimeSpan.FromMinutes(10);

    public static RootCommand Root(Terminal terminal) => new("Extends the context window of RoPE language models by PoSE (positional skip-wise training), and proves that the longer window works.")
    {
        PretrainVerb.Create(terminal),
        PrepareVerb.Create(terminal),
        TrainVerb.Create(terminal),
        new Command("eval", "Measure a model by the length of its context.")
        {
            EvalPerplexityVerb.Create(terminal),
            EvalPasskeyVerb.Create(terminal),
        },
        GenerateVerb.Create(terminal),
        new Command("inspect", "Look into models and training windows.")
        {
            InspectModelVerb.Create(terminal),
            InspectTensorsVerb.Create(terminal),
            InspectRopeVerb.Create(terminal),
            InspectPlanVerb.Create(terminal),
        },
        VerifyVerb.Create(terminal),
    };

    /// <returns>an <see cref="ExitCode"/></returns>
    public static async Task<int> RunAsync(string[] args, Terminal terminal, CancellationToken stop = default)
    {
        RootCommand root = Root(terminal);
        HelpWithExample.Install(root);
        ParseResult parse = root.Parse(args);
        bool asksForHelp = parse.Action is not null && parse.Action is not System.CommandLine.Invocation.ParseErrorAction;
        if (parse.Errors.Count > 0 && !asksForHelp)
        {
            return parse.CommandResult.Command is { Action: null, Subcommands.Count: > 0 } group && parse.UnmatchedTokens.Count == 0
                ? ShowHelp(group, terminal)
                : Explain(parse, terminal);
        }
        var configuration = new InvocationConfiguration
        {
            Output = terminal.Output,
            Error = terminal.Error,
            ProcessTerminationTimeout = s_timeToSave,
            EnableDefaultExceptionHandler = false,
        };
        return await parse.InvokeAsync(configuration, stop);
    }

    /// <summary>A group named without one of its verbs.</summary>
    private static int ShowHelp(Command group, Terminal terminal)
    {
        group.Parse("--help").Invoke(new InvocationConfiguration { Output = terminal.Error });
        return ExitCode.UsersError;
    }

    private static int Explain(ParseResult parse, Terminal terminal)
    {
        Command command = parse.CommandResult.Command;
        List<string> known = [.. command.Subcommands.Select(verb => verb.Name), .. command.Options.Select(option => option.Name)];
        // An unknown word says more than what is missing because of it.
        string[] messages = parse.UnmatchedTokens.Count > 0
            ? [.. parse.UnmatchedTokens.Select(word => $"'{word}' is not understood here.{Nearest.Question(word, known)}")]
            : [.. parse.Errors.Select(error => error.Message).Distinct()];
        foreach (string message in messages)
        {
            Failure.Tell(terminal, message);
        }
        terminal.Error.WriteLine($"See: {Path(parse.CommandResult)} --help");
        return ExitCode.UsersError;
    }

    /// <summary>"skipwise eval passkey"</summary>
    private static string Path(CommandResult result) =>
        result.Parent is CommandResult parent ? $"{Path(parent)} {result.Command.Name}" : "skipwise";
}
