namespace Skipwise.Storage;

/// <summary>A file of a folder.</summary>
/// <param name="Path">relative to the folder, with / as separator</param>
/// <param name="ResolvedPath">its path with all links resolved: two names of one file have the same</param>
internal readonly record struct FoundFile(string Path, string ResolvedPath)
{
    /// <summary>Whether its name, or that of a folder above it, begins with a full stop.</summary>
    public bool IsHidden => Path.StartsWith('.') || Path.Contains("/.", StringComparison.Ordinal);
}
