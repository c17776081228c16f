namespace Skipwise.Storage;

/// <summary>Resolves links, so that two paths to the same file or folder compare equal.</summary>
internal static class RealPath
{
    private const int MostLinks = 40; // as in Linux

    /// <summary>The path with all links resolved.</summary>
    /// <param name="path">need not exist</param>
    /// <exception cref="IOException">the links are cyclic</exception>
    public static string Resolve(string path) => Resolve(path, 0);

    /// <summary>Whether two paths lead to the same file or folder, which need not exist.</summary>
    public static bool AreSame(string a, string b) =>
        string.Equals(Resolve(a), Resolve(b), OperatingSystem.IsLinux() ? StringComparison.Ordinal : StringComparison.OrdinalIgnoreCase);

    private static string Resolve(string path, int links)
    {
        string whole = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (Path.GetDirectoryName(whole) is not { } parent)
        {
            return whole;
        }
        string here = Path.Combine(Resolve(parent, links), Path.GetFileName(whole));
        return new FileInfo(here).LinkTarget is not { } target ? here
            : links < MostLinks ? Resolve(Path.Combine(Path.GetDirectoryName(here)!, target), links + 1)
            : throw new IOException($"too many links: '{path}'");
    }
}
