using Skipwise.Hub;

namespace Skipwise.Checkpoints.HuggingFace;

/// <summary>Warns about weight files in a folder that are not read, because the user may rely on them.</summary>
internal static class UnreadWeights
{
    private const int MostNames = 5;

    private static readonly string[] s_endings = [".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".gguf", ".h5", ".msgpack", ".npz",
        ".ot"];

    // Files of training states, tokenizers, and the inputs of 'skipwise verify'.
    private static readonly string[] s_others = ["training", "optimizer", "scheduler", "scaler", "rng_state", "random_states", "tok",
        "reference"];

    /// <summary>The warnings of a folder.</summary>
    /// <param name="folder">of a model or an adapter; for a file there are no warnings</param>
    /// <param name="read">paths of the files that are read</param>
    /// <returns>one warning or none</returns>
    public static IEnumerable<string> Warnings(string folder, IReadOnlyList<string> read)
    {
        folder = ModelFolder.Resolve(folder);
        if (!Directory.Exists(folder))
        {
            return [];
        }
        HashSet<string> known = [.. read.Select(path => Path.GetFileName(path))];
        string[] unread =
        [
            .. Directory.EnumerateFiles(folder).Select(path => Path.GetFileName(path))
                .Where(name => IsWeights(name) && !known.Contains(name)).Order(StringComparer.Ordinal),
        ];
        string more = unread.Length > MostNames ? $" and {unread.Length - MostNames} more" : "";
        string sources = string.Join(", ", known.Order(StringComparer.Ordinal).Take(MostNames));
        return unread.Length == 0 ? []
            : [$"{folder}: {string.Join(", ", unread.Take(MostNames))}{more} not read: the weights are those of {sources}"];
    }

    private static bool IsWeights(string name) =>
        s_endings.Any(ending => name.EndsWith(ending, StringComparison.OrdinalIgnoreCase))
        && !s_others.Any(other => name.StartsWith(other, StringComparison.OrdinalIgnoreCase));
}
