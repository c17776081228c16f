namespace Skipwise.Checkpoints.HuggingFace;

/// <summary>Weight files in a folder that are not read. They may hold what the user counts on, so they are named.</summary>
internal static class UnreadWeights
{
    private const int MostNames = 5;

    private static readonly string[] s_endings = [".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".gguf", ".h5", ".msgpack", ".npz",
        ".ot"];

    // What a training leaves besides weights, tokenizers, and what 'skipwise verify' is given.
    private static readonly string[] s_others = ["training", "optimizer", "scheduler", "scaler", "rng_state", "random_states", "tok",
        "reference"];

    /// <param name="folder">of a model or an adapter; a file has no neighbours that belong to it</param>
    /// <param name="read">paths of the files that are read</param>
    /// <returns>one, or none</returns>
    public static IEnumerable<string> Warnings(string folder, IReadOnlyList<string> read)
    {
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
