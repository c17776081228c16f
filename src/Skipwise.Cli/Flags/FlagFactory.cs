using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Text.Json;
using Skipwise.Storage;
using Skipwise.Training;

namespace Skipwise.Cli.Flags;

/// <summary>The kinds of values that options take. Each method adds one option to a verb; its description is the only place where it is
/// described.</summary>
internal static class FlagFactory
{
    private const ulong DefaultSeed = 1;

    /// <summary>A text that has to be given.</summary>
    public static Flag<string> Required(this Command command, string name, string value, string description)
    {
        Option<string> option = command.Add(name, value, description, text => text);
        option.Required = true;
        return new(option, "");
    }

    public static Flag<string?> Text(this Command command, string name, string value, string description) =>
        new(command.Add<string?>(name, value, description, text => text), null);

    /// <summary>A file that is written when the work is done: that it can be is asked before the work begins.</summary>
    public static Flag<string?> Output(this Command command, string name, string description)
    {
        Option<string?> option = command.Add<string?>(name, "file", description, text => text);
        option.Validators.Add(RequireWritable);
        return new(option, null);
    }

    /// <summary>A results file whose name is optional after the option; <see cref="Flag{T}.IsSpecified"/> shows whether the option is
    /// given.</summary>
    public static Flag<string?> ResultsOrPage(this Command command, string name, string description)
    {
        var option = new Setting<string?>(name) { HelpName = "file", Description = description, Arity = ArgumentArity.ZeroOrOne };
        option.Validators.Add(RequireReplaceable);
        command.Options.Add(Named(option));
        return new(option, null);
    }

    /// <summary>One or more texts; the option may be repeated.</summary>
    public static Flag<string[]> Texts(this Command command, string name, string value, string description, bool required = false)
    {
        var option =
            new Setting<string[]>(name)
            {
                HelpName = value,
                Description = description,
                Arity = ArgumentArity.OneOrMore,
                AllowMultipleArgumentsPerToken = true,
                Required = required
            };
        command.Options.Add(Named(option));
        return new(option, []);
    }

    public static Flag<bool> Switch(this Command command, string name, string description)
    {
        var option = new Setting<bool>(name) { Description = description, Arity = ArgumentArity.ZeroOrOne, DefaultText = "false" };
        command.Options.Add(Named(option));
        return new(option, false);
    }

    public static Flag<int> Integer(this Command command, string name, string description, int defaultValue) =>
        new(command.Add(name, "n", WithDefault(description, defaultValue), Integer, $"{defaultValue}"), defaultValue);

    public static Flag<int?> OptionalInteger(this Command command, string name, string description) =>
        new(command.Add<int?>(name, "n", description, text => Integer(text)), null);

    public static Flag<int> RequiredInteger(this Command command, string name, string description)
    {
        Option<int> option = command.Add(name, "n", description, Integer);
        option.Required = true;
        return new(option, 0);
    }

    /// <summary>The same default for every verb.</summary>
    public static Flag<ulong> Seed(this Command command, string description) =>
        new(command.Add("--seed", "n", WithDefault(description, DefaultSeed), text =>
            ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong seed) ? seed
                : throw new FormatException("expected a whole number of 0 or more."), $"{DefaultSeed}"), DefaultSeed);

    public static Flag<double> Number(this Command command, string name, string description, double defaultValue) =>
        new(command.Add(name, "x", WithDefault(description, NumberText(defaultValue)), Number, NumberText(defaultValue)), defaultValue);

    public static Flag<double?> OptionalNumber(this Command command, string name, string description) =>
        new(command.Add<double?>(name, "x", description, text => Number(text)), null);

    /// <summary>Whole numbers with commas between them.</summary>
    public static Flag<IReadOnlyList<int>> Integers(this Command command, string name, string description) =>
        new(command.Add<IReadOnlyList<int>>(name, "n,n,...", description,
            text => [.. text.Split(',', StringSplitOptions.TrimEntries).Select(Integer)]), []);

    /// <summary>Names with commas between them.</summary>
    public static Flag<IReadOnlyList<string>> Names(this Command command, string name, string value, string description,
        IReadOnlyList<string> defaultValue) =>
        new(command.Add<IReadOnlyList<string>>(name, value,
            defaultValue.Count == 0 ? description : WithDefault(description, string.Join(',', defaultValue)),
            text => [.. text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)],
            defaultValue.Count == 0 ? null : string.Join(',', defaultValue)), defaultValue);

    /// <summary>name=factor pairs with commas between them.</summary>
    public static Flag<LearningRateScales> Scales(this Command command, string name, string description) =>
        new(command.Add(name, "group=x,...", description, LearningRateScales.Parse), new());

    /// <summary>One of an enumeration's names, in kebab-case; hyphens and case do not matter.</summary>
    public static Flag<T> Choice<T>(this Command command, string name, string description, T defaultValue) where T : struct, Enum
    {
        (string Name, T Value)[] choices = [.. Enum.GetValues<T>().Select(value => (NameOf(value), value))];
        string[] names = [.. choices.Select(choice => choice.Name)];
        Option<T> option = command.Add(name, string.Join("|", names), WithDefault(description, NameOf(defaultValue)), text =>
        {
            foreach ((string known, T value) in choices)
            {
                if (string.Equals(Plain(known), Plain(text), StringComparison.OrdinalIgnoreCase))
                {
                    return value;
                }
            }
            throw new FormatException($"expected one of {string.Join(", ", names)}.{Suggestion.DidYouMean(text, names)}");
        }, NameOf(defaultValue));
        option.Completing(names);
        return new(option, defaultValue);
    }

    /// <summary>The values that a shell completes, in place of those of the option's type.</summary>
    public static void Completing(this Option option, params IReadOnlyList<string> values)
    {
        option.CompletionSources.Clear();
        option.CompletionSources.Add([.. values]);
    }

    /// <summary>An option whose value <paramref name="parse"/> reads; its <see cref="FormatException"/> becomes the user's error.</summary>
    public static Option<T> Add<T>(this Command command, string name, string value, string description, Func<string, T> parse,
        string? defaultText = null)
    {
        var option = new Setting<T>(name)
        {
            DefaultText = defaultText,
            HelpName = value,
            Description = description,
            Arity = ArgumentArity.ExactlyOne,
            CustomParser = result =>
            {
                string text = result.Tokens[0].Value;
                try
                {
                    return parse(text);
                }
                catch (Exception e) when (e is FormatException or SkipwiseException)
                {
                    // by the name that was typed, if it is a name
                    string typed = (result.Parent as OptionResult)?.IdentifierToken?.Value is { Length: > 2 } other ? other : name;
                    result.AddError($"{typed} {text}: {e.Message}");
                    return default!;
                }
            },
        };
        command.Options.Add(Named(option));
        return option;
    }

    /// <summary>Nothing has an empty name: joined to another one, it would quietly stand for the current folder.</summary>
    private static Option Named(Option option)
    {
        if (ShortNames.Of(option.Name) is { } letter)
        {
            option.Aliases.Add(letter);
        }
        if (option.HelpName is "file" or "folder" or "path")
        {
            option.Validators.Add(result =>
            {
                if (result.Tokens.Any(token => token.Value.Length == 0 || token.Value.Contains('\0', StringComparison.Ordinal)))
                {
                    result.AddError($"{option.Name} is empty or holds a NUL character; it names a {option.HelpName}.");
                }
            });
        }
        return option;
    }

    private static IEnumerable<string> Paths(OptionResult result) => result.Tokens.Select(token => token.Value)
        .Where(path => path.Length > 0 && !path.Contains('\0', StringComparison.Ordinal));

    private static void RequireReplaceable(OptionResult result)
    {
        RequireWritable(result);
        foreach (string path in Paths(result).Where(File.Exists))
        {
            try
            {
                ResultFile.RequireReplaceable(path);
            }
            catch (SkipwiseException e)
            {
                result.AddError($"{result.Option.Name} {e.Message}");
            }
        }
    }

    private static void RequireWritable(OptionResult result)
    {
        string name = result.IdentifierToken?.Value ?? result.Option.Name;
        foreach (string path in Paths(result))
        {
            string full = Path.GetFullPath(path);
            if (Directory.Exists(full))
            {
                result.AddError($"{name} {path}: is a folder; it names a file to write.");
            }
            else if (Path.GetDirectoryName(full) is { } folder && !Directory.Exists(folder))
            {
                result.AddError($"{name} {path}: there is no folder {folder}. Make it first.");
            }
        }
    }

    private static int Integer(string text) =>
        int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number)
        ? number
        : throw new FormatException($"expected a whole number up to {int.MaxValue}.");

    /// <summary>As a user types it: 2e-5, not 2E-05.</summary>
    private static string NumberText(double number)
    {
        string text = number.ToString(CultureInfo.InvariantCulture);
        return text.Contains('E', StringComparison.Ordinal) ? number.ToString("0.################e-0", CultureInfo.InvariantCulture) : text;
    }

    private static double Number(string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && double.IsFinite(number) ? number
            : throw new FormatException("expected a number.");

    private static string WithDefault<T>(string description, T value) => $"{description} [default: {value}]";

    private static string NameOf<T>(T value) where T : struct, Enum =>
        JsonNamingPolicy.KebabCaseLower.ConvertName(value.ToString()).Replace("rand-pos", "randpos", StringComparison.Ordinal)
            .Replace("long-rope", "longrope", StringComparison.Ordinal);

    private static string Plain(string name) => name.Replace("-", "", StringComparison.Ordinal);
}
