using System.CommandLine;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using Skipwise.Cli.Config;
using Skipwise.Cli.Display;
using Skipwise.Cli.Flags;
using Skipwise.Cli.Help;
using Skipwise.Cli.Verbs;

namespace Skipwise.Cli;

/// <summary>The whole command: parses, runs a verb, turns whatever happens into an exit code and, if it went wrong, a clear
/// message.</summary>
internal static class CommandLine
{
    private const string Name = "skipwise";

    /// <summary>A word that begins with @ is a word: prompts and questions do.</summary>
    private static readonly ParserConfiguration s_parsing = new() { ResponseFileTokenReplacer = null, EnablePosixBundling = false };

    public static RootCommand Root(Screen screen, TextReader input)
    {
        Verb evalAll = EvalAllVerb.Create(screen);
        return new("Extends the context window of RoPE language models by PoSE (positional skip-wise training), and shows that the " +
            "longer window works.")
        {
            DemoVerb.Create(screen),
            ReproduceVerb.Create(screen),
            PretrainVerb.Create(screen),
            PullVerb.Create(screen),
            PrepareVerb.Create(screen),
            TrainVerb.Create(screen),
            EstimateVerb.Create(screen),
            CoverageVerb.Create(screen),
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
            ServeVerb.Create(screen),
            InspectVerb.Create(screen),
            MergeVerb.Create(screen),
            ExportVerb.Create(screen),
            VerifyVerb.Create(screen),
            DoctorVerb.Create(screen),
            CompletionVerb.Create(screen),
        };
    }

    /// <param name="stop">asks the verb to end (<see cref="Interruption"/>)</param>
    /// <returns>an <see cref="ExitCode"/></returns>
    public static async Task<int> RunAsync(string[] args, Screen screen, TextReader input, CancellationToken stop = default)
    {
        RootCommand root = Root(screen, input);
        root.HelpName = Name; // however the program was started
        HelpPage.Install(root, screen);
        bool asksForAll = HelpPage.AsksForAll(args, out string[] words);
        ParseResult parse = root.Parse(words, s_parsing);
        screen.Flags = FlagNames.Of(parse.CommandResult.Command);
        bool asksForHelp = parse.Action is SynchronousCommandLineAction and not ParseErrorAction;
        ConfigArguments? config;
        try
        {
            config = asksForHelp ? null : ConfigArguments.Of(parse);
        }
        catch (SkipwiseException e)
        {
            return screen.Ranks.Fail(screen, e, run: null, stop);
        }
        if (config is not null)
        {
            words = [.. words, .. config.Arguments];
            parse = root.Parse(words, s_parsing);
        }
        if (asksForAll && parse.Action is HelpPage help)
        {
            return help.ShowAll(parse);
        }
        IReadOnlyList<(string Word, string Option)> swallowed = SwallowedOptions.Find(parse, words);
        if ((parse.Errors.Count > 0 || swallowed.Count > 0 || config?.Problems.Count > 0) && !asksForHelp)
        {
            return parse.CommandResult.Command is { Action: null, Subcommands.Count: > 0 } group && parse.UnmatchedTokens.Count == 0
                ? ShowHelp(group, screen)
                : screen.Ranks.Fail(screen, place => Explain(parse, screen, config, swallowed, place), screen.Ranks.Place, stop);
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
        HelpPage.Write(group, screen.ErrorOutput, width: null, all: false);
        return ExitCode.UserError;
    }

    private static int Explain(ParseResult parse, Screen screen, ConfigArguments? config,
        IReadOnlyList<(string Word, string Option)> swallowed, string place)
    {
        Command command = parse.CommandResult.Command;
        List<string> known =
        [
            .. command.Subcommands.Select(verb => verb.Name),
            .. command.Options.SelectMany(option => option.Aliases.Prepend(option.Name))
                .Where(name => name.StartsWith("--", StringComparison.Ordinal)),
        ];
        // An unknown word says more than what is missing because of it, an unknown verb more than its options, an unknown option more than
        // its value.
        string[] unknown = [.. parse.UnmatchedTokens.Where(word => word.StartsWith('-') && command.Subcommands.Count == 0)];
        if (unknown.Length == 0 && swallowed.Count == 0)
        {
            unknown = [.. parse.UnmatchedTokens.Take(1)];
        }
        string[] messages = unknown.Length + swallowed.Count > 0
            ?
            [
                .. swallowed.Select(taken => Unknown(taken.Word, known,
                    $" A value that begins with a hyphen is written {taken.Option}={taken.Word}")),
                .. unknown.Select(word => Unknown(word, known, "")),
            ]
            : [.. config?.Problems ?? [], .. parse.Errors.Select(error => config?.Place(error.Message) ?? error.Message).Distinct()];
        foreach (string message in messages)
        {
            screen.Error(place + message);
        }
        screen.ErrorOutput.WriteLine($"See: {HelpPage.Path(command)} --help");
        return ExitCode.UserError;
    }

    /// <param name="otherwise">the remedy if no known word is near</param>
    private static string Unknown(string word, List<string> known, string otherwise)
    {
        string near = Suggestion.DidYouMean(word.Split('=')[0], known);
        return $"'{word}' is not understood here.{(near.Length > 0 ? near : otherwise)}";
    }
}
