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
    private const int SpinsFirst = 64, YieldsThen = 32, ShortestRest = 10, LongestRest = 200; // microseconds
    private const int MillisecondsToAbort = 2000;

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
    private int? _abort;

    /// <param name="load">loads the library; called on the thread</param>
    /// <param name="nameOf">a rank with its host, for error messages</param>
    /// <param name="silence">time without a sign of life after which a rank is given up</param>
    /// <param name="patience">time after which an operation that does not end is given up</param>
    public CommunicationThread(Func<MpiLibrary> load, Func<int, string> nameOf, TimeSpan silence, TimeSpan patience)
    {
        (_load, _nameOf, _silence, _patience) = (load, nameOf, silence, patience);
        _thread = new Thread(Run) { Name = "MPI", IsBackground = true };
    }

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
        operation.End(_failure);
        return operation;
    }

    /// <summary>Ends all processes of the job.</summary>
    public void Abort(int exitCode)
    {
        _abort = exitCode;
        _asked.TryAdd(new MpiOperation("abort", static (_, _) => { })); // wakes the thread
        if (Thread.CurrentThread != _thread && !_thread.Join(MillisecondsToAbort))
        {
            _library?.Abort(exitCode); // the thread is stuck in a call
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
            Serve(_library, heartbeat);
            heartbeat?.Dispose(); // not after a failure: the library may still write
        }
        catch (Exception e)
        {
            _started.TrySetException(e);
            Fail(e);
            ServeAbort();
        }
    }

    private void Serve(MpiLibrary library, Heartbeat? heartbeat)
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
            if (_abort is { } code)
            {
                library.Abort(code);
                return;
            }
            moved |= EndThoseDone(library);
            heartbeat?.Tick();
            RequireLife(heartbeat);
            idle = moved ? 0 : idle + 1;
            if (_begun.Count > 0)
            {
                Rest(idle);
            }
        }
        for (int i = 0; heartbeat?.TryEnd() == false; i++)
        {
            Rest(i);
        }
        library.Finish();
    }

    private void Begin(MpiLibrary library, MpiOperation operation)
    {
        nint request = (nint)NativeMemory.AllocZeroed((nuint)sizeof(nint));
        _begun.Add((operation, request));
        operation.Begin(library, (nint*)request);
    }

    private bool EndThoseDone(MpiLibrary library)
    {
        int before = _begun.Count;
        for (int i = 0; i < _begun.Count; i++)
        {
            (MpiOperation operation, nint request) = _begun[i];
            if (*(nint*)request == 0 || library.Test((nint*)request)) // 0: nothing was begun
            {
                _begun.RemoveAt(i--);
                NativeMemory.Free((void*)request);
                operation.End(null);
            }
        }
        return _begun.Count < before;
    }

    private void RequireLife(Heartbeat? heartbeat)
    {
        if (heartbeat?.Silence > _silence.TotalMilliseconds)
        {
            throw new SkipwiseException(FormattableString.Invariant(
                $"{_nameOf(heartbeat.Previous)} gives no sign of life for {_silence.TotalSeconds:0} seconds: it was stopped, or it or its ")
                + "network is gone.");
        }
        if (_begun.Count > 0 && Stopwatch.GetElapsedTime(_begun[0].Operation.BegunAt) > _patience)
        {
            throw new SkipwiseException(FormattableString.Invariant(
                $"{_begun[0].Operation.Name}: did not end within {_patience.TotalSeconds:0} seconds: a rank is stuck, or took no part."));
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
            operation.End(failure); // its request stays: the library may still write
        }
        while (_asked.TryTake(out MpiOperation? operation))
        {
            operation.End(failure);
        }
    }

    /// <summary>After a failure nothing is left to do but to end the job.</summary>
    private void ServeAbort()
    {
        while (_abort is null && !_asked.IsCompleted)
        {
            _ = _asked.TryTake(out _, Timeout.Infinite);
        }
        if (_abort is { } code)
        {
            _library?.Abort(code);
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
        else if (idle < SpinsFirst + YieldsThen || OperatingSystem.IsWindows())
        {
            Thread.Yield();
        }
        else
        {
            _ = usleep((uint)Math.Min(LongestRest, ShortestRest * (idle - SpinsFirst - YieldsThen + 1)));
        }
    }

    /// <summary>Ends MPI, once all ranks do.</summary>
    public void Dispose()
    {
        _asked.CompleteAdding();
        _thread.Join();
        _asked.Dispose();
    }

    [DllImport("libc")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int usleep(uint microseconds);
}
