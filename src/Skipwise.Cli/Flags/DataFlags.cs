using System.CommandLine;
using Skipwise.Recipes;
using Skipwise.Text;

namespace Skipwise.Cli.Flags;

/// <summary>Where text comes from.</summary>
internal sealed class DataFlags(Command command, bool takesStores = true, bool required = true)
{
    private readonly Flag<string[]> _paths = command.Texts("--data", "path",
        "files (.txt, .md, .tex, .jsonl, each also .gz) and folders of them" + (takesStores ? "; or one .tokens file from 'skipwise prepare'" : ""), required);
    private readonly Flag<string?> _field = command.Text("--text-field", "name", "member of each JSON line that holds the text [default: text, else input]");
    private readonly Flag<string?> _separator = command.Text("--separator", "text", "what stands between the documents of one text file, such as '<|endoftext|>' (\\n for a newline); without it each file is one document");

    public DataOptions Of(ParseResult parse) => new()
    {
        Paths = _paths.Of(parse),
        Documents = new DocumentOptions { Field = _field.Of(parse), SeparatorText = Unescaped(_separator.Of(parse)) },
    };

    /// <summary>Shells make it hard to type a newline.</summary>
    public static string? Unescaped(string? text) => text?.Replace("\\n", "\n", StringComparison.Ordinal).Replace("\\t", "\t", StringComparison.Ordinal);
}
