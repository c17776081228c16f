using System.CommandLine;
using System.Globalization;
using Skipwise.Cli.Flags;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Skipwise.Cli.Config;

/// <summary>
/// Writes the options in force, given or default, as a configuration file with each option's description above it. Numbers are
/// those that the user typed, to the digit.
/// </summary>
internal static class EffectiveConfig
{
    private const int NoFold = int.MaxValue;

    /// <param name="parse">of the verb that runs, with the configuration file's arguments in it</param>
    public static string Text(ParseResult parse)
    {
        var verb = (Verb)parse.CommandResult.Command;
        using var text = new StringWriter(CultureInfo.InvariantCulture) { NewLine = "\n" };
        var emitter = new Emitter(text, new EmitterSettings().WithBestWidth(NoFold));
        emitter.Emit(new StreamStart());
        emitter.Emit(new DocumentStart(null, null, isImplicit: true));
        emitter.Emit(new Comment($"Starts this run again: skipwise {verb.Path} --config run.yaml --out another-folder", isInline: false));
        emitter.Emit(new MappingStart());
        foreach (Option setting in verb.Settings)
        {
            if (Values(parse, setting) is { Count: > 0 } values)
            {
                emitter.Emit(new Comment(setting.Description ?? "", isInline: false));
                emitter.Emit(Plain(setting.Name[2..]));
                Emit(emitter, setting, values);
            }
        }
        emitter.Emit(new MappingEnd());
        emitter.Emit(new DocumentEnd(isImplicit: true));
        emitter.Emit(new StreamEnd());
        return text.ToString();
    }

    private static List<string> Values(ParseResult parse, Option setting)
    {
        if (parse.GetResult(setting) is { Implicit: false } given)
        {
            return given.Tokens.Count == 0 ? ["true"] : [.. given.Tokens.Select(token => token.Value)];
        }
        return setting is ISetting { DefaultText: { } text } ? [text] : [];
    }

    private static void Emit(Emitter emitter, Option setting, List<string> values)
    {
        if (setting.ValueType != typeof(string[]))
        {
            emitter.Emit(setting.ValueType == typeof(string) ? Exact(values[^1]) : Plain(values[^1]));
            return;
        }
        emitter.Emit(new SequenceStart(null, null, isImplicit: true, SequenceStyle.Block));
        values.ForEach(value => emitter.Emit(Exact(value)));
        emitter.Emit(new SequenceEnd());
    }

    private static Scalar Plain(string value) => new(null, null, value, ScalarStyle.Any, isPlainImplicit: true, isQuotedImplicit: true);

    /// <summary>Texts are quoted: '~' and the empty text would be nothing otherwise.</summary>
    private static Scalar Exact(string value) =>
        new(null, null, value, ScalarStyle.DoubleQuoted, isPlainImplicit: true, isQuotedImplicit: true);
}
