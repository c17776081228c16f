namespace Skipwise.Storage;

/// <summary>A file of a folder.</summary>
/// <param name="Path">below the folder, with / between the parts</param>
/// <param name="ResolvedPath">where it lies when all links are followed: two names of one file have the same</param>
internal readonly record struct FoundFile(string Path, string ResolvedPath)
{
    /// <summary>Whether its name, or that of a folder above it, begins with a full stop.</summary>
    public bool IsHidden => Path.StartsWith('.') || Path.Contains("/.", StringComparison.Ordinal);
}
