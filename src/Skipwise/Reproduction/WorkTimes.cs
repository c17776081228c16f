using System.Diagnostics;
using Skipwise.Storage;

namespace Skipwise.Reproduction;

/// <summary>
/// Wall-clock seconds of what was computed, one JSON line each, in a file of their own: all other files are the same when an experiment
/// is run again.
/// </summary>
/// <param name="path">the file; earlier lines are kept</param>
internal sealed class WorkTimes(string path)
{
    private readonly List<WorkTime> _all = File.Exists(path) ? [.. JsonLines.Read<WorkTime>(path)] : [];

    /// <summary>Does the work and writes down how long it took.</summary>
    public T Measure<T>(string what, Func<T> work)
    {
        var clock = Stopwatch.StartNew();
        T result = work();
        _all.Add(new(what, Math.Round(clock.Elapsed.TotalSeconds, 2)));
        JsonLines.Write(path, _all);
        return result;
    }
}
