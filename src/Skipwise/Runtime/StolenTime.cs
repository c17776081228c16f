using System.Globalization;

namespace Skipwise.Runtime;

/// <summary>The time that this machine's cores wanted to work, and what of it the host of a virtual machine gave to others, since the start; in the kernel's ticks.</summary>
internal readonly record struct StolenTime(long Stolen, long Wanted)
{
    private const string Source = "/proc/stat";

    /// <summary>Nothing where the kernel does not tell: only Linux does.</summary>
    public static StolenTime Now()
    {
        try
        {
            return Parse(File.ReadLines(Source).First());
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return default;
        }
    }

    /// <param name="line">cpu user nice system idle iowait irq softirq steal ..., of all cores (man 5 proc_stat)</param>
    public static StolenTime Parse(string line)
    {
        long[] ticks = [.. line.Split(' ', StringSplitOptions.RemoveEmptyEntries).Skip(1).Take(8).Select(field => long.Parse(field, CultureInfo.InvariantCulture))];
        return ticks.Length < 8 ? default : new(ticks[7], ticks.Sum() - ticks[3] - ticks[4]);
    }

    /// <summary>Of the time wanted since <paramref name="earlier"/>, how much was stolen: 0 to 1.</summary>
    public double ShareSince(StolenTime earlier) => (Stolen - earlier.Stolen) / (double)Math.Max(1, Wanted - earlier.Wanted);
}
