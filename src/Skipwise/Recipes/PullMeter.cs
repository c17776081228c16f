using System.Diagnostics;

namespace Skipwise.Recipes;

/// <summary>Counts the bytes of a download that several threads report, and tells it to one listener at a time.</summary>
internal sealed class PullMeter(IProgress<PullProgress>? progress, IProgress<string>? note)
{
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(0.2);
    private readonly Lock _lock = new();
    private long _done, _received, _before, _total;
    private long _start, _told;

    /// <summary>bytes that came from the network, also those that were in vain</summary>
    public long Received => _received;

    /// <summary>Notes of several threads, one at a time, and not amid a report of progress.</summary>
    public IProgress<string> Notes => new SynchronousProgress<string>(text =>
    {
        lock (_lock)
        {
            note?.Report(text);
        }
    });

    /// <summary>From now on progress is told: all sizes are known.</summary>
    public void Start(long total)
    {
        lock (_lock)
        {
            (_total, _before, _start) = (total, _received, Stopwatch.GetTimestamp());
            Tell();
        }
    }

    /// <summary>Counts bytes.</summary>
    /// <param name="bytes">negative if they were in vain</param>
    /// <param name="received">they came from the network</param>
    public void Add(long bytes, bool received)
    {
        lock (_lock)
        {
            _done += bytes;
            _received += received ? bytes : 0;
            if (_total > 0 && Stopwatch.GetElapsedTime(_told) >= s_interval)
            {
                Tell();
            }
        }
    }

    /// <summary>Tells the last state.</summary>
    public void End()
    {
        lock (_lock)
        {
            Tell();
        }
    }

    private void Tell()
    {
        _told = Stopwatch.GetTimestamp();
        double seconds = Stopwatch.GetElapsedTime(_start).TotalSeconds;
        progress?.Report(new(_done, _total, seconds > 0 ? Math.Max(0, _received - _before) / seconds : 0));
    }
}
