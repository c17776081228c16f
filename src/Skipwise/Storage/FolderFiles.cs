namespace Skipwise.Storage;

/// <summary>
/// Finds the files of a folder and its subfolders. Links are followed, but no folder is entered twice, so cyclic links end.
/// </summary>
internal static class FolderFiles
{
    private const int MostLinks = 40; // the kernel's own limit

    /// <summary>The files, each once: under its own name if that is in the folder, else under that of the first link to it.</summary>
    /// <param name="wanted">filter by name; of two names of one file, one may be unwanted</param>
    /// <returns>in ordinal order of their paths</returns>
    /// <exception cref="SkipwiseException">a folder cannot be read</exception>
    public static IReadOnlyList<FoundFile> Distinct(string folder, Func<FoundFile, bool> wanted) =>
        [.. Find(folder).Where(wanted).DistinctBy(file => file.ResolvedPath).OrderBy(file => file.Path, StringComparer.Ordinal)];

    /// <summary>The files in the folder, then the targets of links, in the links' order.</summary>
    private static List<FoundFile> Find(string folder)
    {
        try
        {
            var files = new List<FoundFile>();
            var entered = new HashSet<string>();
            var links = new Queue<(FileSystemInfo Link, string Path)>();
            Enter(new DirectoryInfo(folder), RealPath(folder), "");
            while (links.TryDequeue(out var next))
            {
                string real = RealPath(next.Link.FullName);
                if (Directory.Exists(real))
                {
                    Enter(new DirectoryInfo(real), real, $"{next.Path}/");
                }
                else
                {
                    files.Add(new(next.Path, real));
                }
            }
            return files;

            void Enter(DirectoryInfo directory, string real, string prefix)
            {
                if (!entered.Add(real))
                {
                    return;
                }
                foreach (FileSystemInfo entry in directory.EnumerateFileSystemInfos().OrderBy(entry => entry.Name, StringComparer.Ordinal))
                {
                    if (entry.LinkTarget is not null)
                    {
                        links.Enqueue((entry, prefix + entry.Name));
                    }
                    else if (entry is DirectoryInfo below)
                    {
                        Enter(below, Path.Combine(real, entry.Name), $"{prefix}{entry.Name}/");
                    }
                    else
                    {
                        files.Add(new(prefix + entry.Name, Path.Combine(real, entry.Name)));
                    }
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SkipwiseException($"{folder}: cannot be read: {e.Message.TrimEnd('.')}. Check the path and its rights", e);
        }
    }

    /// <summary>The path with every link resolved; cyclic links are left unresolved.</summary>
    /// <param name="links">number of links followed so far</param>
    public static string RealPath(string path, int links = 0)
    {
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (Path.GetDirectoryName(full) is not { } parent || links > MostLinks)
        {
            return full;
        }
        string own = Path.Combine(RealPath(parent, links), Path.GetFileName(full));
        return new FileInfo(own).LinkTarget is { } target ? RealPath(Path.Combine(Path.GetDirectoryName(own)!, target), links + 1) : own;
    }
}
