using System.CommandLine;
using Skipwise.Cli.Display;
using Skipwise.Recipes;
using Skipwise.Text;

namespace Skipwise.Cli.Flags;

/// <summary>Where text comes from.</summary>
internal sealed class DataFlags(Command command, bool takesStores = true, bool required = true)
{
    private readonly Flag<string[]> _paths = command.Texts("--data", "path",
        "files (.txt, .md, .tex, .jsonl, .csv, each also .gz or .zst; .parquet) and folders of them" + (takesStores ? "; or one .tokens file from 'skipwise prepare'" : ""), required);
    private readonly Flag<string?> _field = command.Text("--text-field", "name", "field of the JSON lines, or column of the CSV or Parquet files, that holds the text [default: the one with a usual name, such as text or input]");
    private readonly Flag<string?> _separator = command.Text("--separator", "text", "what stands between the documents of one text file, such as '<|endoftext|>' (\\n for a newline); without it each file is one document");

    public DataOptions Of(ParseResult parse) => new()
    {
        Paths = _paths.Of(parse),
        Documents = new DocumentOptions { Field = _field.Of(parse), SeparatorText = Unescaped(_separator.Of(parse)) },
    };

    /// <summary>Says which field the text is read from, where the user left that to be found.</summary>
    public static void TellFields(DataOptions data, Screen screen)
    {
        if (data.Documents.Field is null && !data.Paths.Any(path => path.EndsWith(TrainingData.StoreEnding, StringComparison.Ordinal)))
        {
            foreach ((string field, string file) in Documents.TextFields(data.Paths, data.Documents))
            {
                screen.Note($"text is read from the field \"{field}\" ({file}); --text-field names another");
            }
        }
    }

    /// <summary>Shells make it hard to type a newline.</summary>
    public static string? Unescaped(string? text) => text?.Replace("\\n", "\n", StringComparison.Ordinal).Replace("\\t", "\t", StringComparison.Ordinal);
}
