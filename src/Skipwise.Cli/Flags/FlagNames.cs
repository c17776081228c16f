using System.CommandLine;

namespace Skipwise.Cli.Flags;

/// <summary>
/// Puts the flags of a command in the place of the properties that the library's texts name (<see cref="OptionName"/>). A property without
/// a flag of the command is told in words.
/// </summary>
internal sealed class FlagNames
{
    private readonly Dictionary<string, string> _flags = [];

    private FlagNames(IEnumerable<Option> options)
    {
        foreach (ISetting setting in options.OfType<ISetting>())
        {
            foreach ((string property, string flag) in setting.Properties)
            {
                _flags.TryAdd(property, flag);
            }
        }
    }

    /// <summary>Those of no command.</summary>
    public static FlagNames None { get; } = new([]);

    /// <summary>Those of a command, and of another one whose results it shows.</summary>
    public static FlagNames Of(Command command) => new([.. command.Options, .. (command as Verb)?.Shows?.Options ?? []]);

    /// <summary>A text of the library, as the command's user reads it.</summary>
    public string In(string text) => OptionName.Replace(text, property => _flags.GetValueOrDefault(property));
}
