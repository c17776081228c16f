using System.CommandLine;
using System.Runtime.CompilerServices;

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

    /// <summary>Says which property of the library the option sets, for texts that name the property.</summary>
    /// <param name="property">nameof(Type.Property)</param>
    /// <param name="part">what of the option's value sets it; empty: all</param>
    /// <param name="nameOf">the first argument as written</param>
    public Flag<T> Sets(string property, string part = "", [CallerArgumentExpression(nameof(property))] string nameOf = "")
    {
        ((ISetting)option).Properties.Add(OptionName.Of(property, nameOf), part.Length == 0 ? Name : $"{Name} {part}");
        return this;
    }

    public bool IsSpecified(ParseResult parse) => parse.GetResult(option) is { Implicit: false };

    public T ValueOf(ParseResult parse) => IsSpecified(parse) ? parse.GetValue(option)! : defaultValue;
}
