using Skipwise.Storage;

namespace Skipwise.Checkpoints.HuggingFace;

/// <summary>
/// Files that go with a model byte for byte, the tokenizer's above all. They are read at the beginning: days later their folder may have
/// changed. A link that leads out of the folder may lead to anything of the user's, and what is saved is often published: it is not
/// followed.
/// </summary>
internal sealed class CompanionFiles
{
    // the ids of a text are in these: a model without them is of no use
    private static readonly string[] s_tokenizer =
    [
        "tokenizer.json", "tokenizer.model", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
        "vocab.json", "merges.txt",
    ];
    private static readonly string[] s_others = ["chat_template.jinja", "chat_template.json", "generation_config.json"];

    private readonly List<(string Name, byte[] Content)> _files = [];
    private readonly SkipwiseException? _refusal;

    /// <param name="folder">null for none</param>
    public CompanionFiles(string? folder)
    {
        string[] needed = folder is null || !Directory.Exists(folder) ? [] :
        [
            .. Named(folder, s_tokenizer), .. Directory.EnumerateFiles(folder, "tok*.bin"),
            .. Directory.EnumerateFiles(folder, "*.tiktoken"),
        ];
        var warnings = new List<string>();
        foreach (string file in needed.Concat(folder is null ? [] : Named(folder, s_others)))
        {
            if (Elsewhere(folder!, file) is not { } place)
            {
                _files.Add((Path.GetFileName(file), InputFile.ReadBytes(file)));
            }
            else if (needed.Contains(file))
            {
                _refusal ??= new SkipwiseException(
                    $"{file}: leads out of the model's folder, to {place}, so it is not copied into what is saved, and a model without " +
                    "it is of no use. Put a copy in its place if it belongs to the model");
            }
            else
            {
                warnings.Add(
                    $"{file}: leads out of the model's folder, to {place}, so it is not copied into what is saved. Put a copy in its " +
                    "place if it belongs to the model");
            }
        }
        Warnings = warnings;
    }

    /// <summary>What is left out, and why.</summary>
    public IReadOnlyList<string> Warnings { get; }

    /// <exception cref="SkipwiseException">a file that is needed would be left out</exception>
    public void RequireAll()
    {
        if (_refusal is not null)
        {
            throw _refusal;
        }
    }

    /// <summary>Writes them into a folder that exists.</summary>
    /// <inheritdoc cref="RequireAll" path="/exception"/>
    public void Write(string folder)
    {
        RequireAll();
        foreach ((string name, byte[] content) in _files)
        {
            AtomicFile.Write(Path.Combine(folder, name), stream => stream.Write(content));
        }
    }

    private static IEnumerable<string> Named(string folder, string[] names) =>
        names.Select(name => Path.Combine(folder, name)).Where(File.Exists);

    /// <returns>null if the file lies in the folder, or where Hugging Face's cache keeps the files of such a folder:
    /// <c>snapshots/HASH/NAME</c> is a link to <c>blobs/HASH</c></returns>
    private static string? Elsewhere(string folder, string file)
    {
        string home = RealPath.Resolve(folder), place = RealPath.Resolve(file);
        string? above = Path.GetDirectoryName(home);
        string? blobs = Path.GetFileName(above) == "snapshots" ? Path.Combine(Path.GetDirectoryName(above)!, "blobs") : null;
        return IsIn(home, place) || (blobs is not null && IsIn(blobs, place)) ? null : place;
    }

    private static bool IsIn(string folder, string file) =>
        file.StartsWith(Path.TrimEndingDirectorySeparator(folder) + Path.DirectorySeparatorChar, StringComparison.Ordinal);
}
