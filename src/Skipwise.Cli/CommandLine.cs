using System.CommandLine;
using System.CommandLine.Parsing;
using Skipwise.Cli.Config;
using Skipwise.Cli.Display;
using Skipwise.Cli.Flags;
using Skipwise.Cli.Verbs;

namespace Skipwise.Cli;

/// <summary>The whole command: parses, runs a verb, turns whatever happens into an exit code and, if it went wrong, a clear
/// message.</summary>
internal static class CommandLine
{
    private const string Name = "skipwise";

    public static RootCommand Root(Screen screen, TextReader input)
    {
        Verb evalAll = EvalAllVerb.Create(screen);
        return new("Extends the context window of RoPE language models by PoSE (positional skip-wise training), and shows that the " +
            "longer window works.")
        {
            DemoVerb.Create(screen),
            PretrainVerb.Create(screen),
            PrepareVerb.Create(screen),
            TrainVerb.Create(screen),
            EstimateVerb.Create(screen),
            new Command("eval", "Evaluate a model by context length.")
            {
                EvalPerplexityVerb.Create(screen),
                EvalPasskeyVerb.Create(screen),
                EvalNeedleVerb.Create(screen),
                EvalRulerVerb.Create(screen),
                evalAll,
                EvalTasksVerb.Create(screen),
            },
            ReportVerb.Create(screen, evalAll),
            GenerateVerb.Create(screen, input),
            InspectVerb.Create(screen),
            MergeVerb.Create(screen),
            VerifyVerb.Create(screen),
        };
    }

    /// <param name="stop">asks the verb to end (<see cref="Interruption"/>)</param>
    /// <returns>an <see cref="ExitCode"/></returns>
    public static async Task<int> RunAsync(string[] args, Screen screen, TextReader input, CancellationToken stop = default)
    {
        RootCommand root = Root(screen, input);
        root.HelpName = Name; // however the program was started
        HelpWithExample.Install(root);
        ParseResult parse = root.Parse(args);
        screen.Flags = FlagNames.Of(parse.CommandResult.Command);
        ConfigArguments? config;
        try
        {
            config = ConfigArguments.Of(parse);
        }
        catch (SkipwiseException e)
        {
            return Failure.Tell(screen, e);
        }
        if (config is not null)
        {
            parse = root.Parse([.. args, .. config.Arguments]);
        }
        bool asksForHelp = parse.Action is not null && parse.Action is not System.CommandLine.Invocation.ParseErrorAction;
        if ((parse.Errors.Count > 0 || config?.Problems.Count > 0) && !asksForHelp)
        {
            return parse.CommandResult.Command is { Action: null, Subcommands.Count: > 0 } group && parse.UnmatchedTokens.Count == 0
                ? ShowHelp(group, screen)
                : Explain(parse, screen, config);
        }
        var configuration = new InvocationConfiguration
        {
            Output = screen.Output,
            Error = screen.ErrorOutput,
            ProcessTerminationTimeout = null, // signals are for Interruption
            EnableDefaultExceptionHandler = false,
        };
        return await parse.InvokeAsync(configuration, stop);
    }

    /// <summary>A group named without one of its verbs.</summary>
    private static int ShowHelp(Command group, Screen screen)
    {
        group.Parse("--help").Invoke(new InvocationConfiguration { Output = screen.ErrorOutput });
        return ExitCode.UserError;
    }

    private static int Explain(ParseResult parse, Screen screen, ConfigArguments? config)
    {
        Command command = parse.CommandResult.Command;
        List<string> known = [.. command.Subcommands.Select(verb => verb.Name), .. command.Options.Select(option => option.Name)];
        // An unknown word says more than what is missing because of it, an unknown verb more than its options, an unknown option more than
        // its value.
        string[] unknown = [.. parse.UnmatchedTokens.Where(word => word.StartsWith('-') && command.Subcommands.Count == 0)];
        if (unknown.Length == 0)
        {
            unknown = [.. parse.UnmatchedTokens.Take(1)];
        }
        string[] messages = unknown.Length > 0
            ? [.. unknown.Select(word => $"'{word}' is not understood here.{Suggestion.DidYouMean(word, known)}")]
            : [.. config?.Problems ?? [], .. parse.Errors.Select(error => config?.Place(error.Message) ?? error.Message).Distinct()];
        foreach (string message in messages)
        {
            screen.Error(message);
        }
        screen.ErrorOutput.WriteLine($"See: {Path(parse.CommandResult)} --help");
        return ExitCode.UserError;
    }

    /// <summary>"skipwise eval passkey": the verb with its groups.</summary>
    private static string Path(CommandResult result) =>
        result.Parent is CommandResult parent ? $"{Path(parent)} {result.Command.Name}" : Name;
}
