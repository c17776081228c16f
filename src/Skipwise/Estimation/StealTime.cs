using System.Globalization;

namespace Skipwise.Estimation;

/// <summary>The time that this machine's cores wanted to work, and what of it the host of a virtual machine gave to others, since the start; in the kernel's ticks.</summary>
internal readonly record struct StealTime(long Steal, long Requested)
{
    private const string Source = "/proc/stat";

    /// <summary>Nothing where the kernel does not tell: only Linux does.</summary>
    public static StealTime Now()
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
    public static StealTime Parse(string line)
    {
        long[] ticks = [.. line.Split(' ', StringSplitOptions.RemoveEmptyEntries).Skip(1).Take(8).Select(field => long.Parse(field, CultureInfo.InvariantCulture))];
        return ticks.Length < 8 ? default : new(ticks[7], ticks.Sum() - ticks[3] - ticks[4]);
    }

    /// <summary>Of the time wanted since <paramref name="earlier"/>, how much was stolen: 0 to 1.</summary>
    public double FractionSince(StealTime earlier) => (Steal - earlier.Steal) / (double)Math.Max(1, Requested - earlier.Requested);
}
