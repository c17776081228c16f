using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.RegularExpressions;

namespace Skipwise.Cli;

/// <summary>
/// Words that look like options and were taken for values of the option before them. A list option takes every word that is no known
/// option, so that a typing error in the next option would become a path.
/// </summary>
internal static partial class SwallowedOptions
{
    /// <param name="parse">of <paramref name="args"/></param>
    /// <returns>the words, and the option that took each; a value that is joined to its option by '=' is meant</returns>
    public static IReadOnlyList<(string Word, string Option)> Find(ParseResult parse, IReadOnlyList<string> args) =>
    [
        .. parse.CommandResult.Children.OfType<OptionResult>().Where(result => !result.Implicit && TakesNames(result.Option))
            .SelectMany(result => result.Tokens.Select(token => token.Value)
                .Where(word => Shape().IsMatch(word) && !IsJoined(word, result.Option, args))
                .Select(word => (word, result.Option.Name))),
    ];

    /// <summary>Lists, and names of files: a single text, such as a prompt, may begin with a hyphen.</summary>
    private static bool TakesNames(Option option) =>
        option.ValueType == typeof(string[]) || option.HelpName is "file" or "folder" or "path";

    private static bool IsJoined(string word, Option option, IReadOnlyList<string> args) =>
        ((string[])[option.Name, .. option.Aliases]).Any(name => args.Contains($"{name}={word}") || args.Contains($"{name}:{word}"));

    [GeneratedRegex(@"^--?[A-Za-z][\w-]*(=.*)?$")]
    private static partial Regex Shape();
}
