using Skipwise.Recipes;

namespace Skipwise.Cli.Display;

/// <summary>
/// How long the jobs of a comparison still take, from those that are over: a job takes as long for its size as jobs of its kind did, or as
/// all jobs did if none of its kind is over.
/// </summary>
internal sealed class JobPace(TimeProvider clock)
{
    private readonly Dictionary<string, (double Seconds, double Size)> _finished = [];
    private ComparisonProgress? _now;
    private long _began;

    /// <summary>A job begins, and the one before is over.</summary>
    public void Begin(ComparisonProgress progress)
    {
        if (_now is { IsKept: false } before)
        {
            (string task, int size) = before.Jobs[before.Done];
            (double seconds, double sizes) = _finished.GetValueOrDefault(task);
            _finished[task] = (seconds + clock.GetElapsedTime(_began).TotalSeconds, sizes + size);
        }
        (_now, _began) = (progress, clock.GetTimestamp());
    }

    /// <summary>Null while nothing is known.</summary>
    /// <param name="job">time left of the job at work</param>
    public TimeSpan? Left(TimeSpan? job)
    {
        if (_now is not { } now || job is not { } current)
        {
            return null;
        }
        IEnumerable<(string Task, int Size)> coming = now.Jobs.Skip(now.Done + 1);
        (string task, int size) = now.Jobs[now.Done];
        // the job at work is the best that is known while no other is over
        double whole = clock.GetElapsedTime(_began).TotalSeconds + current.TotalSeconds;
        Dictionary<string, (double Seconds, double Size)> known =
            _finished.Count > 0 ? _finished : new() { [task] = (whole, size) };
        double average = known.Values.Sum(kind => kind.Seconds) / known.Values.Sum(kind => kind.Size);
        double Seconds((string Task, int Size) next) =>
            next.Size * (known.TryGetValue(next.Task, out (double Seconds, double Size) kind) ? kind.Seconds / kind.Size : average);
        return current + TimeSpan.FromSeconds(coming.Sum(Seconds));
    }
}
