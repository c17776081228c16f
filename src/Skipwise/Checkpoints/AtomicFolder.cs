using Skipwise.Checkpoints.Lora;
using Skipwise.Storage;

namespace Skipwise.Checkpoints;

/// <summary>Writes a folder so that its name only ever shows a complete one: filled beside the target, then renamed.</summary>
public static class AtomicFolder
{
    /// <summary>What is added to the name of a folder while it makes way for another.</summary>
    public const string Replaced = ".replaced";

    // One of these files is in every folder that Skipwise writes.
    private static readonly string[] s_marks = [HfConfig.FileName, RunFolder.OptionsName, LoraConfig.FileName];

    /// <summary>
    /// An existing checkpoint of that name is replaced: its weights go, files that the new one does not have (notes, results) stay.
    /// </summary>
    /// <param name="folder">the folder as users shall see it</param>
    /// <param name="fill">writes the files into the folder whose path it is given</param>
    /// <exception cref="SkipwiseException">the disk is full, or the folder exists and is no checkpoint; what was there before is still there</exception>
    public static void Write(string folder, Action<string> fill)
    {
        string target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        CheckReplaceable(target, folder);
        string temporary = target + AtomicFile.Suffix;
        try
        {
            if (Directory.Exists(temporary))
            {
                Directory.Delete(temporary, recursive: true); // left by a process that was killed
            }
            Directory.CreateDirectory(temporary);
            fill(temporary);
            Install(temporary, target);
        }
        catch (Exception e)
        {
            TryDelete(temporary);
            if (e is IOException or UnauthorizedAccessException)
            {
                throw new SkipwiseException($"{folder}: cannot be written: {e.Message}. Free some space, or choose another folder; what was there before is unchanged", e);
            }
            throw;
        }
    }

    private static void CheckReplaceable(string target, string folder)
    {
        bool isForeign = Directory.Exists(target) && Directory.EnumerateFileSystemEntries(target).Any() && !s_marks.Any(mark => File.Exists(Path.Combine(target, mark)));
        if (isForeign || File.Exists(target))
        {
            throw new SkipwiseException($"{folder}: exists and is no checkpoint, adapter or training run (no {string.Join(", no ", s_marks)} in it), so it is not overwritten. Choose another folder");
        }
    }

    private static void Install(string temporary, string target)
    {
        if (!Directory.Exists(target))
        {
            Directory.Move(temporary, target);
            return;
        }
        string replaced = target + Replaced;
        if (Directory.Exists(replaced))
        {
            Directory.Delete(replaced, recursive: true);
        }
        Directory.Move(target, replaced);
        try
        {
            Directory.Move(temporary, target);
        }
        catch
        {
            Directory.Move(replaced, target);
            throw;
        }
        foreach (string entry in Directory.EnumerateFileSystemEntries(replaced).ToArray())
        {
            string kept = Path.Combine(target, Path.GetFileName(entry));
            if (!Path.Exists(kept) && !IsWeights(kept))
            {
                Directory.Move(entry, kept);
            }
        }
        Directory.Delete(replaced, recursive: true);
    }

    internal static bool IsWeights(string path) =>
        path.EndsWith(".safetensors", StringComparison.Ordinal) || path.EndsWith(".index.json", StringComparison.Ordinal) || path.EndsWith(".bin", StringComparison.Ordinal);

    private static void TryDelete(string folder)
    {
        try
        {
            Directory.Delete(folder, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { } // the first error is the one to tell
    }
}
