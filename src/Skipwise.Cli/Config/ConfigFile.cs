using Skipwise.Storage;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Skipwise.Cli.Config;

/// <summary>
/// A configuration file is a flat YAML mapping from the options' names to their values: <c>learning-rate: 2e-5</c>. Values are read as the
/// text that a user would type; what they mean is the option's affair.
/// </summary>
internal static class ConfigFile
{
    private static readonly string[] s_nulls = ["", "~", "null", "Null", "NULL"];

    /// <exception cref="SkipwiseException">a file that cannot be read or is no such mapping; names the line</exception>
    public static IReadOnlyList<ConfigEntry> Read(string path)
    {
        using var text = new StringReader(InputFile.ReadText(path, remedy: "Check the path given with --config"));
        var parser = new Parser(text);
        try
        {
            return Entries(parser, path);
        }
        catch (YamlException e)
        {
            throw Broken(path, e.Start.Line, e.Message.TrimEnd('.'), e);
        }
        catch (Exception e) when (e is not SkipwiseException)
        {
            // The library stumbles over some broken files, such as an open bracket before the next line's colon, and does not say where.
            throw Broken(path, parser.Current?.End.Line ?? 1, "what follows cannot be read: a bracket or a quote may be open", e);
        }
    }

    private static SkipwiseException Broken(string path, long line, string why, Exception inner) =>
        new($"{path}, line {line}: {why}. Write one 'name: value' per line, with the names of the options.", inner);

    private static List<ConfigEntry> Entries(Parser parser, string path)
    {
        var entries = new List<ConfigEntry>();
        parser.Consume<StreamStart>();
        if (!parser.TryConsume<DocumentStart>(out _))
        {
            return entries; // an empty file changes nothing
        }
        Scalar? only = NextScalar(parser);
        if (only is not null && IsNull(only))
        {
            return entries; // nothing but comments
        }
        if (only is not null || !parser.TryConsume<MappingStart>(out _))
        {
            throw Misplaced(path, only ?? parser.Current!, "expected 'name: value' lines");
        }
        while (!parser.TryConsume<MappingEnd>(out _))
        {
            Scalar key = NextScalar(parser) ?? throw Misplaced(path, parser.Current!, "expected an option's name");
            entries.Add(new(key.Value, (int)key.Start.Line, Values(parser, path, key.Value)));
        }
        parser.Consume<DocumentEnd>();
        return parser.TryConsume<StreamEnd>(out _)
            ? entries
            : throw Misplaced(path, parser.Current!, "a second document begins here; a file holds one");
    }

    private static List<string> Values(Parser parser, string path, string key)
    {
        if (NextScalar(parser) is { } single)
        {
            return IsNull(single) ? [] : [single.Value];
        }
        if (!parser.TryConsume<SequenceStart>(out _))
        {
            throw Misplaced(path, parser.Current!, $"'{key}' takes a value or a list of values");
        }
        var values = new List<string>();
        while (!parser.TryConsume<SequenceEnd>(out _))
        {
            values.Add(NextScalar(parser)?.Value ?? throw Misplaced(path, parser.Current!, $"'{key}' takes a value or a list of values"));
        }
        return values;
    }

    private static Scalar? NextScalar(Parser parser) => parser.Accept<Scalar>(out _) ? parser.Consume<Scalar>() : null;

    private static bool IsNull(Scalar scalar) => scalar.Style == ScalarStyle.Plain && s_nulls.Contains(scalar.Value);

    private static SkipwiseException Misplaced(string path, ParsingEvent found, string expected) =>
        new($"{path}, line {found.Start.Line}: {expected}.");
}
