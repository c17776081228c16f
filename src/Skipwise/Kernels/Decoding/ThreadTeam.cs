using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Skipwise.Kernels.Decoding;

/// <summary>
/// A few threads that compute phase after phase of short work. A thread that waits for the others spins briefly, because they are usually
/// done in microseconds; then it sleeps, because on a busy machine one of them may not be running.
/// </summary>
internal sealed class ThreadTeam : IDisposable
{
    private static readonly long s_spin = Stopwatch.Frequency / 20_000; // 50 microseconds

    private readonly object _sleep = new();
    private readonly Thread[] _others;
    private Counters _counters;
    private ITeamWork? _work; // null: the threads end

    /// <param name="count">threads, the caller's included</param>
    public ThreadTeam(int count)
    {
        Count = count;
        _others = [.. Enumerable.Range(1, count - 1).Select(index => new Thread(() => RunAll(index))
        {
            IsBackground = true,
            Name = $"{nameof(ThreadTeam)} {index}",
        })];
        foreach (Thread other in _others)
        {
            other.Start();
        }
    }

    /// <summary>threads, the caller's included</summary>
    public int Count { get; }

    /// <summary>Runs work on all threads, the caller's as number 0; returns when all are done. Not for two callers at once.</summary>
    public void Run(ITeamWork work)
    {
        _work = work;
        Wait(); // the others begin
        work.Run(0);
        Wait();
    }

    /// <summary>The next unit of the phase that no thread has taken; -1 if there is none.</summary>
    /// <param name="units">of the phase</param>
    public int Take(int units)
    {
        if (Volatile.Read(ref _counters.Taken) >= units)
        {
            return -1;
        }
        int unit = Interlocked.Increment(ref _counters.Taken) - 1;
        return unit < units ? unit : -1;
    }

    /// <summary>Waits for all threads, which ends the phase.</summary>
    public void Wait()
    {
        int phase = Volatile.Read(ref _counters.Phase);
        if (Interlocked.Increment(ref _counters.Arrived) == Count)
        {
            (_counters.Taken, _counters.Arrived) = (0, 0);
            Interlocked.Increment(ref _counters.Phase); // a full fence: a thread either sees it before it sleeps, or is seen to sleep
            if (Volatile.Read(ref _counters.Sleeping) > 0)
            {
                lock (_sleep)
                {
                    Monitor.PulseAll(_sleep);
                }
            }
            return;
        }
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetTimestamp() - start < s_spin)
        {
            for (int i = 0; i < 16; i++)
            {
                if (Volatile.Read(ref _counters.Phase) != phase)
                {
                    return;
                }
                Thread.SpinWait(1);
            }
        }
        lock (_sleep)
        {
            Interlocked.Increment(ref _counters.Sleeping);
            while (Volatile.Read(ref _counters.Phase) == phase)
            {
                Monitor.Wait(_sleep);
            }
            Interlocked.Decrement(ref _counters.Sleeping);
        }
    }

    /// <summary>Ends the threads.</summary>
    public void Dispose()
    {
        if (_others.Length > 0 && _others[0].IsAlive)
        {
            _work = null;
            Wait();
            Array.ForEach(_others, other => other.Join());
        }
    }

    private void RunAll(int index)
    {
        for (; ; )
        {
            Wait();
            if (_work is not { } work)
            {
                return;
            }
            work.Run(index);
            Wait();
        }
    }

    /// <summary>Numbers that the threads share, far apart: writing one must not slow down readers of another.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 640)]
    private struct Counters
    {
        [FieldOffset(128)]
        public int Phase; // phases that have ended
        [FieldOffset(256)]
        public int Arrived; // threads that wait for the end of the phase
        [FieldOffset(384)]
        public int Taken; // units of the phase that were taken, or more
        [FieldOffset(512)]
        public int Sleeping; // threads that may sleep
    }
}
