using System.Diagnostics;
using Skipwise.Storage;

namespace Skipwise.Reproduction;

/// <summary>
/// Wall-clock seconds of what was computed, one JSON line each, in a file of their own: all other files are the same when an experiment
/// is run again.
/// </summary>
/// <param name="path">the file; earlier lines are kept. null: another process writes it</param>
internal sealed class WorkTimes(string? path)
{
    private readonly List<WorkTime> _all = File.Exists(path) ? [.. JsonLines.Read<WorkTime>(path)] : [];
    private readonly List<WorkTime> _new = [];

    /// <summary>Those of this process.</summary>
    public IReadOnlyList<WorkTime> New => _new;

    /// <summary>Does the work and writes down how long it took.</summary>
    public T Measure<T>(string what, Func<T> work)
    {
        var clock = Stopwatch.StartNew();
        T result = work();
        WorkTime took = new(what, Math.Round(clock.Elapsed.TotalSeconds, 2));
        _new.Add(took);
        Add([took]);
        return result;
    }

    /// <summary>Writes down times, those of other processes too.</summary>
    public void Add(IReadOnlyList<WorkTime> times)
    {
        if (path is not null && times.Count > 0)
        {
            _all.AddRange(times);
            JsonLines.Write(path, _all);
        }
    }
}
