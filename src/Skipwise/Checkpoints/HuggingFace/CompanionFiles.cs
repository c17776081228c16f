using System.Text;
using Skipwise.Storage;
using Skipwise.Storage.Gguf;
using Skipwise.Tokenizers.Formats;

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

    private readonly Lazy<IReadOnlyList<(string Name, byte[] Content)>> _files;
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
        var files = new List<(string, byte[])>();
        var warnings = new List<string>();
        foreach (string file in needed.Concat(folder is null ? [] : Named(folder, s_others)))
        {
            if (Elsewhere(folder!, file) is not { } place)
            {
                files.Add((Path.GetFileName(file), InputFile.ReadBytes(file)));
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
        _files = new(files);
        Warnings = warnings;
    }

    /// <summary>Makes the files that a GGUF file holds as keys, once they are needed: a model that is not saved needs none.</summary>
    private CompanionFiles(Func<GgufKeys> read) => _files = new(() => read() is var gguf && !GgufVocabulary.IsIn(gguf) ? [] :
        [.. GgufVocabulary.Files(gguf).Select(file => (file.Name, Encoding.UTF8.GetBytes(file.Text)))]);

    /// <summary>Reads the files of a model: those of its folder, or what is in its GGUF file.</summary>
    /// <param name="model">a folder, or a file; null for none</param>
    public static CompanionFiles OfModel(string? model) => model is null || !File.Exists(model) ? new(model)
        : GgufStart.IsAt(model) ? new(() => GgufKeys.Read(model))
        : new(Path.GetDirectoryName(Path.GetFullPath(model)));

    /// <summary>Whether files of that name belong to a model. Those of llama2.c, which no hub has in a model's folder, are not
    /// asked for.</summary>
    public static bool IsCompanion(string name) =>
        s_tokenizer.Contains(name) || s_others.Contains(name) || name.EndsWith(".tiktoken", StringComparison.Ordinal);

    /// <summary>Whether a tokenizer is among them that other programs read.</summary>
    public bool HasTokenizer => _files.Value.Any(file => file.Name is "tokenizer.json" or "tokenizer.model" or "vocab.json");

    /// <summary>The files that were left out, and why.</summary>
    public IReadOnlyList<string> Warnings { get; } = [];

    /// <summary>Refuses to go on without a required file.</summary>
    /// <exception cref="SkipwiseException">a required file would be left out</exception>
    public void RequireAll()
    {
        if (_refusal is not null)
        {
            throw _refusal;
        }
        _ = _files.Value;
    }

    /// <summary>Writes the files into an existing folder.</summary>
    /// <inheritdoc cref="RequireAll" path="/exception"/>
    public void Write(string folder)
    {
        RequireAll();
        foreach ((string name, byte[] content) in _files.Value)
        {
            AtomicFile.Write(Path.Combine(folder, name), stream => stream.Write(content));
        }
    }

    private static IEnumerable<string> Named(string folder, string[] names) =>
        names.Select(name => Path.Combine(folder, name)).Where(File.Exists);

    /// <returns>null if the file is in the folder, or in Hugging Face's cache for such a folder: <c>snapshots/HASH/NAME</c> is a link to
    /// <c>blobs/HASH</c>, which in newer versions is a link to the <c>blobs</c> that all models of the cache share</returns>
    internal static string? Elsewhere(string folder, string file)
    {
        string home = RealPath.Resolve(folder), place = RealPath.Resolve(file);
        string? above = Path.GetDirectoryName(home);
        string? repository = Path.GetFileName(above) == "snapshots" ? Path.GetDirectoryName(above) : null;
        string? cache = Path.GetFileName(repository)?.StartsWith("models--", StringComparison.Ordinal) == true
            ? Path.GetDirectoryName(repository) : null;
        bool isCached = ((string?[])[repository, cache]).OfType<string>().Any(owner => IsIn(Path.Combine(owner, "blobs"), place));
        return IsIn(home, place) || isCached ? null : place;
    }

    private static bool IsIn(string folder, string file) =>
        file.StartsWith(Path.TrimEndingDirectorySeparator(folder) + Path.DirectorySeparatorChar, StringComparison.Ordinal);
}
