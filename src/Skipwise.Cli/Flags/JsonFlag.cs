using System.CommandLine;
using Skipwise.Cli.Display;
using Skipwise.Evaluation.Results;
using Skipwise.Storage;

namespace Skipwise.Cli.Flags;

/// <summary>
/// --json, the same for every verb: results for programs, in a file beside what people read or, without a file, on standard output in its
/// place. docs/schema holds the JSON schema of each verb's results.
/// </summary>
/// <typeparam name="T">the results</typeparam>
internal sealed class JsonFlag<T>
{
    private readonly Flag<string?> _file;
    private readonly bool _holdsUserText;

    /// <param name="holdsUserText">the results repeat a text of the user, in which nothing is an option's name</param>
    public JsonFlag(Verb verb, bool holdsUserText = false)
    {
        _holdsUserText = holdsUserText;
        _file = verb.ResultsOrPage("--json",
            "write the results as JSON: to the file, or without a file to standard output in place of the text");
        verb.ResultType = typeof(T);
    }

    /// <summary>null without the option, and if it names no file</summary>
    public string? File(ParseResult parse) => _file.ValueOf(parse);

    /// <summary>Writes the results, and shows them to people if standard output is theirs.</summary>
    /// <param name="page">shows the results</param>
    public void Show(ParseResult parse, Screen screen, T results, Action page)
    {
        if (screen.IsMuted)
        {
            return;
        }
        string Document() => EvaluationJson.ToIndentedJson(results) is var json && _holdsUserText ? json : screen.Flags.In(json);
        if (_file.IsSpecified(parse) && File(parse) is null)
        {
            screen.Output.WriteLine(Printable.Of(Document()));
            return;
        }
        page();
        if (File(parse) is { } path)
        {
            ResultFile.Write(path, Document() + "\n");
        }
    }
}
