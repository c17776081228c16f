namespace Skipwise.Storage;

/// <summary>
/// Writes a folder so that its name only ever shows a complete one, also after a power failure: filled beside the target, then put in its
/// place. Only a folder that Skipwise wrote is replaced, and of it only what Skipwise wrote (<see cref="FolderManifest"/>); files of others
/// stay. A link stays a link: the folder that it leads to is replaced.
/// </summary>
public static class AtomicFolder
{
    /// <summary>How the name ends of a folder that makes way for another.</summary>
    public const string Replaced = ".replaced";

    private const string Lock = ".lock";

    /// <param name="folder">the folder as users shall see it</param>
    /// <param name="kind">what it is: one that exists has to be of the same kind</param>
    /// <param name="fill">writes the files into the folder whose path it is given</param>
    /// <exception cref="SkipwiseException">the disk is full or fails, or the folder holds what Skipwise did not write; what was there
    /// before is still there</exception>
    public static void Write(string folder, string kind, Action<string> fill)
    {
        string? temporary = null;
        try
        {
            string target = RealPath.Resolve(folder);
            RequireReplaceable(folder, kind);
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            string busy = $"{folder}: is being written by another process. Wait for it, or choose another folder";
            using FolderLock alone = FolderLock.Acquire(target + Lock, busy);
            Recover(target);
            RequireReplaceable(folder, kind);
            temporary = AtomicFile.TemporaryName(target, AtomicFile.Suffix);
            FileSystem.CreateFolder(temporary);
            fill(temporary);
            FolderManifest.Create(temporary, kind).Write(temporary);
            Install(temporary, target, folder);
        }
        catch (Exception e)
        {
            if (temporary is not null)
            {
                TryDelete(temporary);
            }
            if (e is IOException or UnauthorizedAccessException)
            {
                throw new SkipwiseException(
                    $"{folder}: cannot be written: {e.Message}. Free some space, or choose another folder; "
                    + "what was there before is unchanged", e);
            }
            if (e is SkipwiseException && temporary is not null)
            {
                throw new SkipwiseException(e.Message.Replace(temporary, folder, StringComparison.Ordinal), e);
            }
            throw;
        }
    }

    /// <summary>Asked before long work whose result goes into the folder.</summary>
    /// <inheritdoc cref="Write"/>
    public static void RequireReplaceable(string folder, string kind)
    {
        string target = RealPath.Resolve(folder);
        if (RequireEmptyOrOwned(folder, kind) is not { } manifest)
        {
            return;
        }
        foreach (string name in manifest.Files.Keys
            .Where(name => Path.Exists(Path.Combine(target, name)) && !manifest.Owns(Path.Combine(target, name))))
        {
            throw new SkipwiseException(
                $"{Path.Combine(folder, name)}: has changed since Skipwise wrote it, so it is not replaced. "
                + "Choose another folder, or move it away");
        }
    }

    /// <summary>The folder is not there yet, or empty, or Skipwise wrote it as such a one.</summary>
    /// <param name="ignored">a file that counts as nothing</param>
    /// <returns>its manifest, if it has one</returns>
    /// <exception cref="SkipwiseException">it is something else</exception>
    internal static FolderManifest? RequireEmptyOrOwned(string folder, string kind, string? ignored = null)
    {
        string target = RealPath.Resolve(folder);
        if (File.Exists(target))
        {
            throw new SkipwiseException($"{folder}: is a file, so no folder of that name is made. Choose another folder");
        }
        if (!Directory.Exists(target) || !Directory.EnumerateFileSystemEntries(target).Any(entry => Path.GetFileName(entry) != ignored))
        {
            return null;
        }
        FolderManifest manifest = FolderManifest.Find(target)
            ?? throw new SkipwiseException(
                $"{folder}: exists, and Skipwise did not write it (no {FolderManifest.FileName} in it), so nothing in it is replaced. "
                + "Choose another folder");
        return manifest.Kind == kind
            ? manifest
            : throw new SkipwiseException(
                $"{folder}: is a folder of another kind ({manifest.Kind}), so no {kind} takes its place. Choose another folder");
    }

    /// <summary>
    /// Deletes a folder: under its name it is whole or gone, also when the process dies meanwhile. Files that Skipwise did not write stay
    /// in it.
    /// </summary>
    /// <exception cref="IOException">something cannot be deleted</exception>
    internal static void Delete(string folder)
    {
        if (FolderManifest.Find(folder) is not null)
        {
            string dying = AtomicFile.TemporaryName(folder, Replaced);
            FileSystem.Move(folder, dying);
            Empty(dying, folder);
        }
    }

    /// <summary><see cref="Recover(string)"/> for every folder that lies in <paramref name="parent"/>.</summary>
    internal static void RecoverIn(string parent)
    {
        if (Directory.Exists(parent))
        {
            IEnumerable<string> leftovers = AtomicFile.Leftovers(parent, null, AtomicFile.Suffix)
                .Concat(AtomicFile.Leftovers(parent, null, Replaced));
            IEnumerable<string> targets = leftovers.Where(Directory.Exists).Select(leftover => AtomicFile.TargetOf(leftover)!).Distinct();
            foreach (string target in targets.ToArray())
            {
                Recover(target);
            }
        }
    }

    /// <summary>
    /// Tidies up after a process that died while it wrote or deleted the folder: what it replaced comes back, or goes for good.
    /// </summary>
    private static void Recover(string target)
    {
        string parent = Path.GetDirectoryName(target)!, name = Path.GetFileName(target);
        foreach (string leftover in AtomicFile.Leftovers(parent, name, AtomicFile.Suffix).Where(Directory.Exists))
        {
            FileSystem.DeleteAll(leftover); // never complete: nobody but that process has written there
        }
        foreach (string leftover in AtomicFile.Leftovers(parent, name, Replaced).Where(Directory.Exists))
        {
            bool isWhole = FolderManifest.Find(leftover)?.Files.Keys.All(file => File.Exists(Path.Combine(leftover, file))) == true;
            if (isWhole && !Path.Exists(target))
            {
                FileSystem.Move(leftover, target);
            }
            else
            {
                Empty(leftover, target);
            }
        }
    }

    private static void Install(string temporary, string target, string folder)
    {
        FileSystem.SyncFolder(temporary);
        string parent = Path.GetDirectoryName(target)!;
        if (!Directory.Exists(target) || FileSystem.TryDeleteEmpty(target))
        {
            FileSystem.Move(temporary, target);
            FileSystem.SyncFolder(parent);
            return;
        }
        RequireNoneHidden(temporary, target, folder);
        // From here on the new folder is complete, and the name says that what lies there may be worth keeping.
        string replaced = AtomicFile.TemporaryName(target, Replaced);
        FileSystem.Move(temporary, replaced);
        if (!FileSystem.TryExchange(replaced, target))
        {
            replaced = AcquireLock(replaced, target);
        }
        FileSystem.SyncFolder(parent);
        try
        {
            Empty(replaced, target);
        }
        // the new folder is in place; the next to write it tries again
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { }
    }

    /// <summary>
    /// For systems that cannot exchange two names: for a moment the target's is free, and <see cref="Recover(string)"/> knows what that
    /// means.
    /// </summary>
    /// <returns>the old folder</returns>
    private static string AcquireLock(string complete, string target)
    {
        string old = AtomicFile.TemporaryName(target, Replaced);
        FileSystem.Move(target, old);
        try
        {
            FileSystem.Move(complete, target);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            FileSystem.Move(old, target);
            Empty(complete, target);
            throw;
        }
        return old;
    }

    /// <summary>A file of somebody else that has the name of a new one would be lost.</summary>
    private static void RequireNoneHidden(string temporary, string target, string folder)
    {
        FolderManifest old = FolderManifest.Find(target)!;
        foreach (string name in Directory.EnumerateFiles(temporary).Select(file => Path.GetFileName(file)))
        {
            if (name != FolderManifest.FileName && Path.Exists(Path.Combine(target, name)) && !old.Files.ContainsKey(name))
            {
                throw new SkipwiseException(
                    $"{Path.Combine(folder, name)}: Skipwise did not write it, so it is not replaced. "
                    + "Move it away, or choose another folder");
            }
        }
    }

    /// <summary>Deletes what Skipwise wrote and moves the rest to where it was, as far as the names are free there.</summary>
    private static void Empty(string replaced, string target)
    {
        if (FolderManifest.Find(replaced) is not { } manifest)
        {
            FileSystem.TryDeleteEmpty(replaced); // nothing tells whose it is, if there is anything
            return;
        }
        foreach (string file in manifest.Files.Keys.Select(name => Path.Combine(replaced, name)).Where(manifest.MayOwn))
        {
            FileSystem.Delete(file);
        }
        string[] others =
            [.. Directory.EnumerateFileSystemEntries(replaced).Where(entry => Path.GetFileName(entry) != FolderManifest.FileName)];
        if (others.Length > 0)
        {
            FileSystem.CreateFolder(target);
        }
        foreach (string entry in others.Where(entry => !Path.Exists(Path.Combine(target, Path.GetFileName(entry)))))
        {
            FileSystem.Move(entry, Path.Combine(target, Path.GetFileName(entry)));
        }
        FileSystem.Delete(Path.Combine(replaced, FolderManifest.FileName)); // last: as long as it is there, a leftover can be told
        FileSystem.TryDeleteEmpty(replaced);
    }

    private static void TryDelete(string folder)
    {
        try
        {
            FileSystem.DeleteAll(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { } // the first error is the one to tell
    }
}
