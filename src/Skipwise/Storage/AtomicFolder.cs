namespace Skipwise.Storage;

/// <summary>
/// Writes a folder atomically, also with regard to power failures: fills a folder next to the target, which then replaces it. Only a
/// folder that Skipwise wrote is replaced, and only its files that Skipwise wrote (<see cref="FolderManifest"/>); other files are kept. If
/// the target is a link, the folder that it points to is replaced.
/// </summary>
internal static class AtomicFolder
{
    /// <summary>Suffix of the name of a folder that is being replaced.</summary>
    public const string Replaced = ".replaced";

    private const string Lock = ".lock";

    /// <summary>Writes a folder.</summary>
    /// <param name="folder">the target</param>
    /// <param name="kind">kind of the folder; an existing one must be of the same kind</param>
    /// <param name="fill">writes the files into the folder that it is given</param>
    /// <exception cref="SkipwiseException">the disk is full or fails, or the folder contains files that Skipwise did not write; the old
    /// folder is unchanged</exception>
    public static void Write(string folder, string kind, Action<string> fill) => Write(folder, kind, temporary =>
    {
        fill(temporary);
        return null;
    });

    /// <param name="fill">writes the files into the folder that it is given, and returns those checksums that it knows; null: none</param>
    /// <inheritdoc cref="Write(string, string, Action{string})"/>
    internal static void Write(string folder, string kind, Func<string, IReadOnlyDictionary<string, FileChecksum>?> fill)
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
            FolderManifest.Create(temporary, kind, fill(temporary)).Write(temporary);
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
            if (e is SkipwiseException && temporary is not null && e.Message.Contains(temporary, StringComparison.Ordinal))
            {
                throw new SkipwiseException(e.Message.Replace(temporary, folder, StringComparison.Ordinal), e);
            }
            throw;
        }
    }

    /// <summary>Checks before long work that its result can replace the folder.</summary>
    /// <inheritdoc cref="Write(string, string, Action{string})"/>
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

    /// <summary>Checks that the folder does not exist, is empty, or was written by Skipwise as this kind.</summary>
    /// <param name="ignored">a file that is ignored</param>
    /// <returns>its manifest, if it has one</returns>
    /// <exception cref="SkipwiseException">the folder is something else</exception>
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
    /// Deletes a folder atomically, also if the process dies meanwhile. Files that Skipwise did not write are kept.
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

    /// <summary><see cref="Recover(string)"/> for every folder in <paramref name="parent"/>.</summary>
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
    /// Cleans up after a process that died while it wrote or deleted the folder: restores or deletes the replaced folder.
    /// </summary>
    private static void Recover(string target)
    {
        string parent = Path.GetDirectoryName(target)!, name = Path.GetFileName(target);
        foreach (string leftover in AtomicFile.Leftovers(parent, name, AtomicFile.Suffix).Where(Directory.Exists))
        {
            FileSystem.DeleteAll(leftover); // never complete: only that process has written there
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
        // From here on the new folder is complete, and its name marks it as worth keeping.
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
        // the new folder is in place; the next writer tries again
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { }
    }

    /// <summary>
    /// Replaces the target on systems that cannot exchange two names. The target's name is briefly unused; <see cref="Recover(string)"/>
    /// handles a crash in between.
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

    /// <summary>Refuses to lose another program's file that has the name of a new one.</summary>
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

    /// <summary>Deletes the files that Skipwise wrote and moves the others back, if their names are unused there.</summary>
    private static void Empty(string replaced, string target)
    {
        if (FolderManifest.Find(replaced) is not { } manifest)
        {
            FileSystem.TryDeleteEmpty(replaced); // without a manifest the owner of files is unknown
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
        FileSystem.Delete(Path.Combine(replaced, FolderManifest.FileName)); // last: a leftover is recognized by it
        FileSystem.TryDeleteEmpty(replaced);
    }

    private static void TryDelete(string folder)
    {
        try
        {
            FileSystem.DeleteAll(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { } // the first error is the one to report
    }
}
