using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Skipwise.Distributed.Mpi;

/// <summary>
/// The one thread that calls MPI, which moves data only within calls: it begins the operations in the order in which they are asked for,
/// and tests those that have begun until they end. So they go on while other threads compute.
/// </summary>
internal sealed unsafe class CommunicationThread : IDisposable
{
    private const int SpinsFirst = 64, YieldsThen = 32, YieldsOnWindows = 2000, ShortestRest = 10, LongestRest = 200; // microseconds
    private const int MillisecondsToAbort = 2000, NoAbort = int.MinValue, ExitCodeOfEnd = 1;

    private readonly BlockingCollection<MpiOperation> _asked = [];
    private readonly List<(MpiOperation Operation, nint Request)> _begun = [];
    private readonly Func<MpiLibrary> _load;
    private readonly Func<int, string> _nameOf;
    private readonly TimeSpan _silence, _patience;
    private readonly TaskCompletionSource<(int Rank, int Size, string Version)> _started = new();
    private readonly Thread _thread;
    private readonly Lock _lock = new();
    private MpiLibrary? _library;
    private Exception? _failure;
    private long _disposedAt;
    private volatile int _abort = NoAbort;
    private volatile bool _hasFinished, _hasAborted, _isFailureTold;

    /// <param name="load">loads the library; called on the thread</param>
    /// <param name="nameOf">a rank with its host, for error messages</param>
    /// <param name="silence">time without a sign of life after which a rank is given up</param>
    /// <param name="patience">time after which an operation that does not end is given up</param>
    public CommunicationThread(Func<MpiLibrary> load, Func<int, string> nameOf, TimeSpan silence, TimeSpan patience)
    {
        (_load, _nameOf, _silence, _patience) = (load, nameOf, silence, patience);
        _thread = new Thread(Run) { Name = "MPI", IsBackground = true };
    }

    /// <summary>Time after which ranks that do not start are given up.</summary>
    public static TimeSpan PatienceAtStart { get; } = TimeSpan.FromMinutes(5);

    /// <summary>Why no operation can succeed any more; null while all is well.</summary>
    public Exception? Failure
    {
        get
        {
            lock (_lock)
            {
                return _failure;
            }
        }
    }

    /// <summary>Starts MPI.</summary>
    public (int Rank, int Size, string Version) Start()
    {
        _thread.Start();
        TimeSpan limit = _patience < PatienceAtStart ? _patience : PatienceAtStart;
        if (Task.WaitAny([_started.Task], limit) < 0)
        {
            throw new SkipwiseException(FormattableString.Invariant(
                $"The other ranks did not start within {limit.TotalSeconds:0} seconds. Look for an error of one of them, and check that ")
                + "all hosts can run the program and reach each other.");
        }
        return _started.Task.GetAwaiter().GetResult();
    }

    /// <summary>Asks for an operation; it fails at once if an earlier one has failed.</summary>
    public MpiOperation Ask(MpiOperation operation)
    {
        lock (_lock)
        {
            if (_failure is null)
            {
                _asked.Add(operation);
                return operation;
            }
        }
        _isFailureTold = true;
        operation.End(_failure);
        return operation;
    }

    /// <summary>Ends all processes of the job.</summary>
    public void Abort(int exitCode)
    {
        _abort = exitCode;
        try
        {
            _ = _asked.TryAdd(new MpiOperation("abort", static (_, _) => { })); // wakes the thread
        }
        catch (InvalidOperationException)
        {
            // Dispose has begun, so the thread does not sleep
        }
        _ = _thread.Join(MillisecondsToAbort);
        if (!_hasFinished && !_hasAborted)
        {
            _library?.Abort(exitCode); // the thread is stuck in a call, or has ended after a failure
        }
    }

    private void Run()
    {
        try
        {
            _library = _load();
            _library.Initialize();
            int rank = _library.Rank(), size = _library.Size();
            Heartbeat? heartbeat = size > 1 ? new Heartbeat(_library, rank, size) : null;
            _started.SetResult((rank, size, _library.Version()));
            if (TryServe(_library, heartbeat) && TryEnd(_library, heartbeat))
            {
                heartbeat?.Dispose(); // not after a failure or an abort: the library may still write
            }
        }
        catch (Exception e)
        {
            _started.TrySetException(e);
            Fail(e);
            ServeAbort();
        }
    }

    /// <returns>whether all is done; false after an abort</returns>
    private bool TryServe(MpiLibrary library, Heartbeat? heartbeat)
    {
        int idle = 0;
        while (!_asked.IsCompleted || _begun.Count > 0)
        {
            bool moved = false;
            if (_asked.TryTake(out MpiOperation? next, _begun.Count == 0 ? Heartbeat.IntervalMilliseconds / 2 : 0))
            {
                Begin(library, next);
                moved = true;
            }
            if (HasAborted(library))
            {
                return false;
            }
            moved |= EndThoseDone(library);
            heartbeat?.Tick();
            RequireLife(heartbeat);
            idle = moved ? 0 : Math.Min(idle + 1, int.MaxValue - 1);
            if (_begun.Count > 0)
            {
                Rest(idle);
            }
        }
        return true;
    }

    /// <summary>Ends MPI, once all ranks do.</summary>
    /// <returns>false after an abort</returns>
    private bool TryEnd(MpiLibrary library, Heartbeat? heartbeat)
    {
        for (int i = 0; heartbeat?.TryEnd() == false; i++)
        {
            if (HasAborted(library))
            {
                return false;
            }
            RequireLife(heartbeat);
            if (Stopwatch.GetElapsedTime(_disposedAt) > _patience)
            {
                throw NoEnd();
            }
            Rest(i);
        }
        library.Finish();
        return _hasFinished = true;
    }

    private SkipwiseException NoEnd() => new(FormattableString.Invariant(
        $"MPI did not end within {_patience.TotalSeconds:0} seconds: another rank goes on, or is stuck. Look for its error."));

    private bool HasAborted(MpiLibrary library)
    {
        if (_abort is not NoAbort and int code)
        {
            _hasAborted = true;
            library.Abort(code);
        }
        return _hasAborted;
    }

    private void Begin(MpiLibrary library, MpiOperation operation)
    {
        nint request = (nint)NativeMemory.AllocZeroed((nuint)sizeof(nint));
        _begun.Add((operation, request));
        try
        {
            operation.Begin(library, (nint*)request);
        }
        catch (SkipwiseException e)
        {
            throw InWork(operation, e);
        }
    }

    /// <summary>An error of the library tells in which operation it happened.</summary>
    private static SkipwiseException InWork(MpiOperation operation, SkipwiseException e) => new($"{operation.Name}: {e.Message}", e);

    private bool EndThoseDone(MpiLibrary library)
    {
        int before = _begun.Count;
        for (int i = 0; i < _begun.Count; i++)
        {
            (MpiOperation operation, nint request) = _begun[i];
            if (IsDone(library, operation, request))
            {
                _begun.RemoveAt(i--);
                NativeMemory.Free((void*)request);
                operation.End(null);
            }
        }
        return _begun.Count < before;
    }

    private static bool IsDone(MpiLibrary library, MpiOperation operation, nint request)
    {
        try
        {
            return *(nint*)request == 0 || library.Test((nint*)request); // 0: nothing was begun
        }
        catch (SkipwiseException e)
        {
            throw InWork(operation, e);
        }
    }

    private void RequireLife(Heartbeat? heartbeat)
    {
        MpiOperation? oldest = _begun.Count > 0 ? _begun[0].Operation : null;
        if (heartbeat?.Silence > _silence.TotalMilliseconds && heartbeat.HasEnded)
        {
            if (oldest is not null && Stopwatch.GetElapsedTime(oldest.BegunAt) > _silence)
            {
                throw new SkipwiseException($"{_nameOf(heartbeat.Previous)} has ended without taking part in {oldest.Name}. Look for its "
                    + "error, and let all ranks do the same work.");
            }
        }
        else if (heartbeat?.Silence > _silence.TotalMilliseconds)
        {
            throw new SkipwiseException(FormattableString.Invariant(
                $"{_nameOf(heartbeat.Previous)} gives no sign of life for {_silence.TotalSeconds:0} seconds: it was stopped, or it or its ")
                + $"network is gone. If its host is only slow, set {MpiCollective.SilenceVariable} to more seconds.");
        }
        if (oldest is not null && _asked.IsAddingCompleted
            && Stopwatch.GetElapsedTime(_disposedAt).TotalMilliseconds > MillisecondsToAbort)
        {
            throw new SkipwiseException($"{oldest.Name}: did not end before this rank left the others. Wait for it first.");
        }
        if (oldest is not null && Stopwatch.GetElapsedTime(oldest.BegunAt) > _patience)
        {
            throw new SkipwiseException(FormattableString.Invariant(
                $"{oldest.Name}: did not end within {_patience.TotalSeconds:0} seconds: a rank is stuck, or took no part. ")
                + $"Look for its error; if it only needs longer, set {MpiCollective.PatienceVariable} to more seconds.");
        }
    }

    /// <summary>All operations fail, those of the future too.</summary>
    private void Fail(Exception failure)
    {
        lock (_lock)
        {
            _failure = failure;
        }
        foreach ((MpiOperation operation, _) in _begun)
        {
            _isFailureTold = true;
            operation.End(failure); // its request stays: the library may still write
        }
        while (_asked.TryTake(out MpiOperation? operation))
        {
            _isFailureTold = true;
            operation.End(failure);
        }
    }

    /// <summary>After a failure nothing is left to do but to end the job.</summary>
    private void ServeAbort()
    {
        while (_abort == NoAbort && !_asked.IsCompleted)
        {
            _ = _asked.TryTake(out _, Timeout.Infinite);
        }
        if (_library is not null)
        {
            _ = HasAborted(_library);
        }
    }

    /// <summary>Waits before the next test: at first briefly, then longer, so that waiting takes no core from threads that compute.
    /// </summary>
    private static void Rest(int idle)
    {
        if (idle < SpinsFirst)
        {
            Thread.SpinWait(20);
        }
        else if (idle < SpinsFirst + (OperatingSystem.IsWindows() ? YieldsOnWindows : YieldsThen))
        {
            Thread.Yield();
        }
        else if (OperatingSystem.IsWindows())
        {
            Thread.Sleep(1);
        }
        else
        {
            _ = usleep((uint)(ShortestRest * Math.Min(LongestRest / ShortestRest, idle - SpinsFirst - YieldsThen + 1)));
        }
    }

    /// <summary>Ends MPI, once all ranks do. Operations that do not end within a moment fail.</summary>
    /// <exception cref="SkipwiseException">MPI did not end; an earlier failure is thrown by the operations alone</exception>
    public void Dispose()
    {
        if (_disposedAt != 0)
        {
            return;
        }
        _disposedAt = Stopwatch.GetTimestamp();
        _asked.CompleteAdding();
        if (!_thread.Join((int)Math.Min(int.MaxValue, _patience.TotalMilliseconds + (2 * MillisecondsToAbort))))
        {
            _library?.Abort(ExitCodeOfEnd); // the thread is stuck in a call
            throw NoEnd();
        }
        _asked.Dispose();
        if (Failure is { } failure && !_isFailureTold)
        {
            throw new SkipwiseException(failure.Message, failure);
        }
    }

    [DllImport("libc")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int usleep(uint microseconds);
}
