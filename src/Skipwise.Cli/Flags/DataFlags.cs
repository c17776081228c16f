using System.CommandLine;
using Skipwise.Cli.Display;
using Skipwise.Data;
using Skipwise.Documents;
using Skipwise.Recipes;

namespace Skipwise.Cli.Flags;

/// <summary>Where text comes from.</summary>
internal sealed class DataFlags(Command command, bool takesStores = true, bool required = true)
{
    private readonly Flag<string[]> _paths = command.Texts("--data", "path",
        "files (.txt, .md, .tex, .jsonl, .csv, each also .gz or .zst; .parquet; with --text-field .json) and folders of them" +
        (takesStores ? "; or one .tokens file from 'skipwise prepare'" : ""), required)
        .Sets(nameof(DataOptions.Paths)).Sets(nameof(EvaluateAllOptions.Data));
    private readonly Flag<string?> _field = command.Text("--text-field", "name",
        "field of the JSON objects, or column of the CSV or Parquet files, that holds the text "
        + "[default: the one with a usual name, such as text or input; .json files are then not read]")
        .Sets(nameof(DocumentOptions.Field));
    private readonly Flag<string?> _separator =
        command.Text("--separator", "text",
            "text between the documents of one text file, such as '<|endoftext|>' (\\n for a newline) [default: each file is one " +
            "document]").Sets(nameof(DocumentOptions.SeparatorText));

    private readonly LimitFlags _limits = new(command);

    public DataOptions Of(ParseResult parse) => new()
    {
        Paths = _paths.ValueOf(parse),
        Documents = new DocumentOptions
        {
            Field = _field.ValueOf(parse),
            SeparatorText = Unescaped(_separator.ValueOf(parse)),
            Limits = _limits.Of(parse)
        },
    };

    /// <summary>Says which files of folders are not read, and which field holds the text if the user left that to be found.</summary>
    public static void Tell(DataOptions data, Screen screen)
    {
        TellUnread(data.Paths, data.Documents, screen);
        if (data.Documents.Field is null && !data.Paths.Any(IsStore))
        {
            foreach ((string field, string file) in DocumentReader.TextFields(data.Paths, data.Documents))
            {
                screen.Note($"text is read from the field \"{field}\" ({file}); --text-field names another");
            }
        }
    }

    /// <summary>Says which files of folders are not read, and which are named twice.</summary>
    public static void TellUnread(IReadOnlyList<string> paths, DocumentOptions options, Screen screen)
    {
        foreach (string remark in paths.Count == 0 || paths.Any(IsStore) ? [] : DocumentReader.Remarks(paths, options))
        {
            screen.Note($"warning: {remark}");
        }
    }

    private static bool IsStore(string path) => path.EndsWith(TrainingData.StoreExtension, StringComparison.Ordinal);

    /// <summary>Shells make it hard to type a newline.</summary>
    public static string? Unescaped(string? text) =>
        text?.Replace("\\n", "\n", StringComparison.Ordinal).Replace("\\t", "\t", StringComparison.Ordinal);
}
