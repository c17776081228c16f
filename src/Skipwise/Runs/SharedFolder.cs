using Skipwise.Distributed;
using Skipwise.Storage;

namespace Skipwise.Runs;

/// <summary>
/// Writes a folder by several ranks, each its own files, as atomically as <see cref="AtomicFolder"/>: all of them write into the temporary
/// folder of rank 0, which lists the files with their checksums and gives the folder its name when all are on the disk.
/// </summary>
internal static class SharedFolder
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(15), s_look = TimeSpan.FromMilliseconds(20); // NFS caches names

    /// <summary>Writes the folder. All ranks call it alike.</summary>
    /// <param name="ranks">all ranks</param>
    /// <param name="folder">the target, by this rank's name of it</param>
    /// <param name="kind">see <see cref="AtomicFolder"/></param>
    /// <param name="together">writes files of this rank, with exchanges, into the folder that it is given; returns their names. An error
    /// in it is thrown on that rank alone, which has to end the job</param>
    /// <param name="alone">the same without exchanges, for as long as it takes. An error in it is thrown on all ranks</param>
    /// <param name="complete">writes the last files, on rank 0</param>
    /// <exception cref="SkipwiseException">a rank does not see the folder, or cannot write by itself: on all ranks. Rank 0 cannot begin
    /// the folder, write the last files or give it its name: on rank 0 alone, which has to end the job. The old folder is unchanged
    /// </exception>
    public static void Write(ICollective ranks, string folder, string kind, Func<string, IEnumerable<string>> together,
        Func<string, IEnumerable<string>> alone, Action<string> complete)
    {
        if (ranks.Rank > 0)
        {
            string temporary = Path.Combine(Path.GetDirectoryName(RealPath.Resolve(folder))!, ranks.FromFirst(() => ""));
            try
            {
                Fill(temporary);
            }
            catch (SkipwiseException e) when (FailedRank.Of(e) is null)
            {
                throw Renamed(e, temporary);
            }
            return;
        }
        AtomicFolder.Write(folder, kind, temporary =>
        {
            ranks.FromFirst(() => Path.GetFileName(temporary));
            var files = Fill(temporary).SelectMany(own => own).ToDictionary();
            complete(temporary);
            return files;
        });

        IReadOnlyList<Dictionary<string, FileChecksum>> Fill(string temporary)
        {
            ranks.Exchange(() => IsSeen(temporary) ? true : throw new SkipwiseException(
                $"{folder}: does not see this folder of rank 0. Choose a folder on a file system that all hosts share."), default);
            string[] first = [.. together(temporary)];
            Dictionary<string, FileChecksum> own = [];
            using var stop = new CancellationTokenSource();
            ranks.Apart(() => own = FillAlone(temporary, first), stop);
            return ranks.AllGather(own);
        }

        Dictionary<string, FileChecksum> FillAlone(string temporary, string[] first)
        {
            try
            {
                return first.Concat(alone(temporary))
                    .ToDictionary(name => name, name => FileChecksum.Compute(Path.Combine(temporary, name)));
            }
            catch (SkipwiseException e)
            {
                throw Renamed(e, temporary);
            }
            catch (Exception e) when (FileSystem.ReasonOf(e) is { } reason)
            {
                throw Renamed(new($"{temporary}: cannot be written: {reason}. Free some space, or choose another folder", e), temporary);
            }
        }

        SkipwiseException Renamed(SkipwiseException e, string temporary) =>
            new(e.Message.Replace(temporary, folder, StringComparison.Ordinal), e);
    }

    private static bool IsSeen(string folder)
    {
        for (TimeSpan waited = TimeSpan.Zero; !Directory.Exists(folder) && waited < s_patience; waited += s_look)
        {
            Thread.Sleep(s_look);
        }
        return Directory.Exists(folder);
    }
}
