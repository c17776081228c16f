using System.CommandLine;
using System.CommandLine.Parsing;
using Skipwise.Cli.Flags;

namespace Skipwise.Cli.Config;

/// <summary>
/// Turns a configuration file into the arguments that it stands for, so that an option has one name, one description, one reading and
/// one default, wherever it is said. Order: defaults, then the file, then the command line.
/// </summary>
internal sealed class ConfigArguments
{
    private readonly string _path;
    private readonly Dictionary<string, int> _lines = []; // of the options that the file decides

    private ConfigArguments(string path) => _path = path;

    /// <summary>What the file adds to the command line.</summary>
    public List<string> Arguments { get; } = [];

    /// <summary>Everything that is wrong with the file's names and shapes.</summary>
    public List<string> Problems { get; } = [];

    /// <returns>null when the verb takes no file or none is given</returns>
    /// <exception cref="SkipwiseException">the file cannot be read</exception>
    public static ConfigArguments? Of(ParseResult parse)
    {
        if (parse.CommandResult.Command is not Verb { ConfigOption: { } option } verb
            || parse.GetResult(option) is not { Implicit: false, Tokens: [{ Value.Length: > 0 } token, ..] })
        {
            return null;
        }
        var config = new ConfigArguments(token.Value);
        var seen = new Dictionary<string, int>();
        foreach (ConfigEntry entry in ConfigFile.Read(token.Value))
        {
            string key = "--" + entry.Key.Replace('_', '-');
            Option? setting = verb.Settings.FirstOrDefault(setting => setting.Name == key || setting.Aliases.Contains(key));
            string name = setting?.Name ?? key; // a name of an earlier version is understood
            if (!seen.TryAdd(name, entry.Line))
            {
                config.Report(entry, $"'{entry.Key}' is in line {seen[name]} already. Keep one of them.");
            }
            else if (setting is null)
            {
                config.Report(entry,
                    $"'{entry.Key}' is no option of this " +
                    $"command.{Suggestion.DidYouMean(name[2..], verb.Settings.Select(known => known.Name[2..]))}");
            }
            else if (parse.GetResult(setting) is not { Implicit: false } && entry.Values.Count > 0)
            {
                config.Add(setting, name, entry);
            }
        }
        return config;
    }

    /// <summary>An error of a value that the file gave, with its place.</summary>
    public string Place(string error)
    {
        string name = error.Split(' ')[0];
        return _lines.TryGetValue(name, out int line) ? $"{_path}, line {line}: {error}" : error;
    }

    private void Add(Option setting, string name, ConfigEntry entry)
    {
        _lines[name] = entry.Line;
        if (setting.ValueType == typeof(bool) && entry.Values is not ["true" or "false"])
        {
            Report(entry, $"'{entry.Key}' is true or false, found '{string.Join(", ", entry.Values)}'.");
        }
        else if (setting.ValueType == typeof(string[]))
        {
            Arguments.AddRange(entry.Values.Select(value => $"{name}={value}"));
        }
        else
        {
            Arguments.Add($"{name}={string.Join(',', entry.Values)}");
        }
    }

    private void Report(ConfigEntry entry, string problem) => Problems.Add($"{_path}, line {entry.Line}: {problem}");
}
