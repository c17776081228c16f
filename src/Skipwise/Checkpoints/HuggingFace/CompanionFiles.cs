using Skipwise.Storage;

namespace Skipwise.Checkpoints.HuggingFace;

/// <summary>
/// The files that are copied with a model byte for byte, above all the tokenizer's. They are read at the start of a run, because their
/// folder may change during it. Links that lead out of the folder are not followed: saved folders are often published, and such a link may
/// point to private files.
/// </summary>
internal sealed class CompanionFiles
{
    // the tokenizer's files, without which a model is unusable
    private static readonly string[] s_tokenizer =
    [
        "tokenizer.json", "tokenizer.model", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
        "vocab.json", "merges.txt",
    ];
    private static readonly string[] s_others = ["chat_template.jinja", "chat_template.json", "generation_config.json"];

    private readonly List<(string Name, byte[] Content)> _files = [];
    private readonly SkipwiseException? _refusal;

    /// <summary>Reads the files of a folder.</summary>
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

    /// <summary>The files that were left out, and why.</summary>
    public IReadOnlyList<string> Warnings { get; }

    /// <summary>Refuses to go on without a required file.</summary>
    /// <exception cref="SkipwiseException">a required file would be left out</exception>
    public void RequireAll()
    {
        if (_refusal is not null)
        {
            throw _refusal;
        }
    }

    /// <summary>Writes the files into an existing folder.</summary>
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

    /// <returns>null if the file is in the folder, or in Hugging Face's cache for such a folder: <c>snapshots/HASH/NAME</c> is a link to
    /// <c>blobs/HASH</c></returns>
    internal static string? Elsewhere(string folder, string file)
    {
        string home = RealPath.Resolve(folder), place = RealPath.Resolve(file);
        string? above = Path.GetDirectoryName(home);
        string? blobs = Path.GetFileName(above) == "snapshots" ? Path.Combine(Path.GetDirectoryName(above)!, "blobs") : null;
        return IsIn(home, place) || (blobs is not null && IsIn(blobs, place)) ? null : place;
    }

    private static bool IsIn(string folder, string file) =>
        file.StartsWith(Path.TrimEndingDirectorySeparator(folder) + Path.DirectorySeparatorChar, StringComparison.Ordinal);
}
