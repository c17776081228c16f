using System.CommandLine;

namespace Skipwise.Cli.Flags;

/// <summary>One option of a verb and what holds when the user leaves it out.</summary>
internal sealed class Flag<T>(Option<T> option, T defaultValue)
{
    public string Name => option.Name;

    /// <summary>Another name for the same option.</summary>
    public Flag<T> Alias(string name)
    {
        option.Aliases.Add(name);
        return this;
    }

    public bool IsSpecified(ParseResult parse) => parse.GetResult(option) is { Implicit: false };

    public T ValueOf(ParseResult parse) => IsSpecified(parse) ? parse.GetValue(option)! : defaultValue;
}
