namespace Skipwise.Storage;

/// <summary>One name for every way to a file or folder: two paths that lead to one place are found to be the same.</summary>
internal static class RealPath
{
    private const int MostLinks = 40; // as Linux has it

    /// <param name="path">need not exist; every link on the way to it is followed</param>
    /// <exception cref="IOException">the links go round in a circle</exception>
    public static string Resolve(string path) => Resolve(path, 0);

    /// <summary>Whether two paths lead to one place, which need not exist.</summary>
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
