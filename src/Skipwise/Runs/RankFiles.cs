using System.Globalization;
using Skipwise.Distributed;
using Skipwise.Storage;

namespace Skipwise.Runs;

/// <summary>
/// What the ranks of a run write besides rank 0: <c>ranks/2.err</c> in the run folder says why rank 2 failed. The folder exists while
/// several ranks work on the run, and afterwards if one of them failed.
/// </summary>
internal static class RankFiles
{
    /// <summary>Name of the folder in the run folder.</summary>
    public const string FolderName = "ranks";

    private const string JobName = "job", ErrorEnding = ".err";
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(15),
        s_look = TimeSpan.FromMilliseconds(20); // NFS caches names

    /// <summary>Removes what an earlier start left, and requires that all ranks see the run folder of rank 0, which has claimed it.
    /// </summary>
    /// <param name="collective">all ranks</param>
    /// <param name="run">the run folder, by this rank's name of it</param>
    /// <exception cref="SkipwiseException">a rank has another folder by this name; names the rank</exception>
    public static void Begin(ICollective collective, string run)
    {
        string folder = Path.Combine(run, FolderName), job = Path.Combine(folder, JobName);
        if (collective.Size == 1)
        {
            Clear(folder);
            return;
        }
        string id = collective.FromFirst(() =>
        {
            Clear(folder);
            FileSystem.CreateFolder(folder);
            string id = Guid.NewGuid().ToString("N");
            AtomicFile.WriteText(job, id);
            return id;
        });
        IReadOnlyList<Sight> sights = collective.AllGather(new Sight(Environment.MachineName, IsSeen(job, id)));
        if (sights.Index().FirstOrDefault(sight => !sight.Item.Sees) is (var rank, { } blind))
        {
            throw new SkipwiseException(FormattableString.Invariant(
                $"{run}: rank {rank} on {blind.Host} does not see this folder of rank 0 on {sights[0].Host}. ")
                + "Choose a folder on a file system that all hosts share.");
        }
        if (collective.Rank == 0)
        {
            File.Delete(job);
        }
    }

    /// <summary>Removes the folder at a good end.</summary>
    public static void End(ICollective collective, string run)
    {
        if (collective.Rank == 0)
        {
            Clear(Path.Combine(run, FolderName));
        }
    }

    /// <summary>Records why a rank failed, if the run has begun. Does not fail itself.</summary>
    /// <param name="run">the run folder</param>
    /// <param name="rank">the rank</param>
    /// <param name="message">one line</param>
    public static void TryRecord(string run, int rank, string message)
    {
        string folder = Path.Combine(run, FolderName);
        try
        {
            if (Directory.Exists(folder))
            {
                File.WriteAllText(
                    Path.Combine(folder, rank.ToString(CultureInfo.InvariantCulture) + ErrorEnding), message + Environment.NewLine);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // a full disk may be why it failed
        }
    }

    /// <summary>Deletes the files of an earlier start, and the folder if nothing else is in it.</summary>
    internal static void Clear(string folder)
    {
        if (!Directory.Exists(folder))
        {
            return;
        }
        foreach (string file in Directory.EnumerateFiles(folder).Where(IsOurs).ToArray())
        {
            File.Delete(file);
        }
        FileSystem.TryDeleteEmpty(folder);
    }

    private static bool IsOurs(string file) => Path.GetFileName(file) == JobName
        || (file.EndsWith(ErrorEnding, StringComparison.Ordinal) && Path.GetFileNameWithoutExtension(file).All(char.IsAsciiDigit));

    private static bool IsSeen(string job, string id)
    {
        for (TimeSpan waited = TimeSpan.Zero; waited < s_patience; waited += s_look)
        {
            try
            {
                if (File.Exists(job) && InputFile.ReadText(job) == id)
                {
                    return true;
                }
            }
            catch (Exception e) when (e is IOException or SkipwiseException)
            {
                // not there yet
            }
            Thread.Sleep(s_look);
        }
        return false;
    }

    private sealed record Sight(string Host, bool Sees);
}
