using System.Globalization;

namespace Skipwise.Distributed;

/// <summary>Where the ranks of a job run: their hosts, and the cores that each may use.</summary>
/// <param name="Hosts">host of each rank</param>
/// <param name="Cores">cores of each rank, as the system lists them; empty: all of its host's</param>
/// <param name="Counts">number of these cores</param>
internal sealed record RankHosts(IReadOnlyList<string> Hosts, IReadOnlyList<string> Cores, IReadOnlyList<int> Counts)
{
    private const string StatusPath = "/proc/self/status", CoresKey = "Cpus_allowed_list:";

    /// <summary>Asks all ranks.</summary>
    public static RankHosts Of(ICollective collective)
    {
        IReadOnlyList<Place> places = collective.AllGather(new Place(Environment.MachineName, OwnCores(), Environment.ProcessorCount));
        return new([.. places.Select(place => place.Host)], [.. places.Select(place => place.Cores)],
            [.. places.Select(place => place.Count)]);
    }

    /// <summary>Threads of each rank: its cores, divided by the number of ranks that share them.</summary>
    public IReadOnlyList<int> Threads() =>
        [.. Hosts.Select((host, rank) => Math.Max(1, Counts[rank] / Enumerable.Range(0, Hosts.Count)
            .Count(other => Hosts[other] == host && Cores[other] == Cores[rank])))];

    /// <summary>For people: "4 ranks on 1 host by Open MPI v4.1.4, 1 thread each".</summary>
    /// <param name="collective">all ranks</param>
    /// <param name="threads">those of each rank</param>
    public string Describe(ICollective collective, IReadOnlyList<int> threads)
    {
        (int fewest, int most) = (threads.Min(), threads.Max());
        string range = fewest == most ? Counted(most, "thread") : Invariant($"{fewest} to {Counted(most, "thread")}");
        string places = $"{Counted(collective.Size, "rank")} on {Counted(Hosts.Distinct().Count(), "host")}";
        return $"{places} by {collective.Description}, {range} each";
    }

    /// <summary>The cores that this process may use; empty where the system does not tell.</summary>
    private static string OwnCores()
    {
        try
        {
            return OperatingSystem.IsLinux()
                && File.ReadLines(StatusPath).FirstOrDefault(line => line.StartsWith(CoresKey, StringComparison.Ordinal)) is { } cores
                ? cores[CoresKey.Length..].Trim() : "";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    private static string Counted(int count, string noun) => Invariant($"{count} {noun}{(count == 1 ? "" : "s")}");

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private sealed record Place(string Host, string Cores, int Count);
}
