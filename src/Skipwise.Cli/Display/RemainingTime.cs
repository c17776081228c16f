using static System.FormattableString;

namespace Skipwise.Cli.Display;

/// <summary>How long work still takes, from how long it took so far. The clock starts at the first report, so that a resumed run counts
/// only its own work.</summary>
internal sealed class RemainingTime(TimeProvider clock)
{
    private long? _start;
    private double _startDone, _lastDone;

    /// <summary>Null until two reports have come and the work has moved.</summary>
    /// <param name="done">units done</param>
    /// <param name="total">units in all</param>
    public TimeSpan? Estimate(double done, double total)
    {
        bool another = done <= _lastDone; // work that goes back has begun anew: the second of two runs
        _lastDone = done;
        if (_start is not { } start || another)
        {
            _start = clock.GetTimestamp();
            _startDone = done;
            return null;
        }
        double moved = done - _startDone;
        return moved > 0 ? clock.GetElapsedTime(start) * (Math.Max(0, total - done) / moved) : null;
    }

    /// <summary>0:42, 12:05, 3:07:55</summary>
    public static string Text(TimeSpan time)
    {
        var whole = TimeSpan.FromSeconds(Math.Round(time.TotalSeconds));
        return whole.TotalHours >= 1 ? Invariant($"{(int)whole.TotalHours}:{whole:mm\\:ss}") : Invariant($"{whole:m\\:ss}");
    }
}
