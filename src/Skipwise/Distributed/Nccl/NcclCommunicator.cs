using System.Runtime.InteropServices;
using Skipwise.Runtime;

namespace Skipwise.Distributed.Nccl;

/// <summary>
/// A communicator of NCCL, and the stream on which its operations run beside libtorch's stream 0: each begins when stream 0 has computed
/// what it had before, and stream 0 goes on without it until somebody waits.
/// </summary>
/// <remarks>
/// No call blocks, so that a thread of its own can watch: it aborts the communicator on an error, on an operation that does not end, or
/// if other news say that a rank is gone. Nothing else frees a device from an operation that never ends.
/// </remarks>
internal sealed unsafe class NcclCommunicator : IDisposable
{
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(1);

    private readonly NcclLibrary _nccl;
    private readonly CudaDriver _cuda;
    private readonly string _rank;
    private readonly TimeSpan _patience;
    private readonly Func<Exception?> _news;
    private readonly nint* _communicator = (nint*)NativeMemory.AllocZeroed((nuint)sizeof(nint));
    private readonly nint _stream, _before;
    private readonly Stack<nint> _events = new();
    private readonly Queue<NcclOperation> _begun = new(); // they end in this order, for they are on one stream
    private readonly Lock _lock = new(), _calls = new(); // of the state; of calls that begin something
    private readonly ManualResetEventSlim _unwatched = new();
    private readonly Thread _watchdog;
    private SkipwiseException? _failure;

    /// <param name="rank">of this process</param>
    /// <param name="size">number of ranks, all of which have to come</param>
    /// <param name="patience">time after which an operation that does not end is given up</param>
    /// <param name="news">what else is known of the other ranks: why one is gone, or null</param>
    /// <exception cref="SkipwiseException">NCCL cannot start, or a rank does not come</exception>
    public NcclCommunicator(
        NcclLibrary nccl, CudaDriver cuda, NcclLibrary.UniqueId id, int rank, int size, TimeSpan patience, Func<Exception?> news)
    {
        (_nccl, _cuda, _patience, _news) = (nccl, cuda, patience, news);
        _rank = FormattableString.Invariant($"rank {rank} on {Environment.MachineName}");
        using CudaDriver.Context context = cuda.Enter();
        (_stream, _before) = (cuda.CreateStream(), cuda.CreateEvent());
        _watchdog = new Thread(Watch) { Name = "NCCL", IsBackground = true };
        _watchdog.Start();
        Begin("start of NCCL", (_, _) => nccl.Begin(_communicator, size, id, rank)).Wait();
    }

    /// <summary>A call of NCCL on a communicator and a stream.</summary>
    public delegate int Call(nint communicator, nint stream);

    /// <summary>Why no operation can succeed any more; null while all is well.</summary>
    public SkipwiseException? Failure
    {
        get
        {
            lock (_lock)
            {
                return _failure;
            }
        }
    }

    /// <summary>Begins an operation, after all that stream 0 has to do. One that cannot begin fails when it is waited for.</summary>
    /// <param name="isForHost">whether the host reads the result; else stream 0 does</param>
    /// <param name="whenDone">called once, by the first wait</param>
    public NcclOperation Begin(string name, Call call, bool isForHost = false, Action? whenDone = null)
    {
        var operation = new NcclOperation(this, name, isForHost, whenDone);
        try
        {
            using CudaDriver.Context context = _cuda.Enter();
            nint end;
            lock (_lock)
            {
                EndThoseDone();
                if (_failure is not null)
                {
                    return operation;
                }
                _begun.Enqueue(operation); // the watchdog sees it from here on
                end = _events.TryPop(out nint free) ? free : _cuda.CreateEvent();
            }
            _cuda.Record(_before, stream: 0);
            _cuda.Wait(_stream, _before);
            lock (_calls)
            {
                RequireNoFailure(); // after an abort no call may follow
                Finish(call(*_communicator, _stream));
            }
            _cuda.Record(end, _stream);
            lock (_lock)
            {
                operation.End = end;
            }
        }
        catch (SkipwiseException e)
        {
            Fail(name, e.Message);
        }
        return operation;
    }

    /// <summary>Whether an operation has ended, or never will.</summary>
    public bool IsCompleted(NcclOperation operation)
    {
        lock (_lock)
        {
            EndThoseDone();
            return operation.HasEnded || _failure is not null;
        }
    }

    /// <summary>Makes what stream 0 gets later begin after an operation.</summary>
    /// <exception cref="SkipwiseException">an operation failed, this or another</exception>
    public void WaitOnStream0(NcclOperation operation)
    {
        using CudaDriver.Context context = _cuda.Enter();
        lock (_lock)
        {
            if (operation.HasEnded)
            {
                return;
            }
            RequireNoFailure();
            _cuda.Wait(0, operation.End);
        }
    }

    /// <exception cref="SkipwiseException">an operation failed, this or another</exception>
    public void RequireNoFailure()
    {
        if (Failure is { } failure)
        {
            throw new SkipwiseException(failure.Message, failure);
        }
    }

    /// <summary>Lets all operations fail, those of the future too, and ends what the device does for them.</summary>
    public void Fail(string operation, string reason)
    {
        lock (_lock)
        {
            if (_failure is not null)
            {
                return;
            }
            _failure = new SkipwiseException($"{_rank}, {operation}: {reason.TrimEnd('.')}.");
        }
        bool isIdle = _calls.TryEnter(s_interval); // a thread that is stuck in a call is freed by the abort alone
        if (*_communicator != 0)
        {
            _nccl.Abort(*_communicator);
        }
        if (isIdle)
        {
            _calls.Exit();
        }
    }

    /// <summary>Ends the communicator, once all ranks do.</summary>
    public void Dispose()
    {
        NcclOperation end = Begin("end of NCCL", (communicator, _) => _nccl.Finalize(communicator), isForHost: true);
        _unwatched.Set();
        _watchdog.Join();
        if (Failure is not null || end.End == 0)
        {
            return; // the library may still write
        }
        using CudaDriver.Context context = _cuda.Enter();
        _nccl.Destroy(*_communicator);
        NativeMemory.Free(_communicator);
        foreach (nint created in (nint[])[.. _events, .. _begun.Select(operation => operation.End), _before])
        {
            _cuda.DestroyEvent(created);
        }
        _cuda.DestroyStream(_stream);
        _unwatched.Dispose();
    }

    /// <summary>Waits while NCCL works on what it begins: the first operations connect the ranks.</summary>
    private void Finish(int result)
    {
        for (var spin = default(SpinWait); result == NcclLibrary.InProgress; spin.SpinOnce())
        {
            lock (_lock)
            {
                RequireNoFailure();
                result = _nccl.State(*_communicator);
            }
        }
        _nccl.Check(result, "NCCL");
    }

    private void EndThoseDone()
    {
        while (_failure is null && _begun.TryPeek(out NcclOperation? first) && first.End != 0 && _cuda.HasHappened(first.End))
        {
            first.HasEnded = true;
            _events.Push(first.End);
            _begun.Dequeue();
        }
    }

    private void Watch()
    {
        while (Failure is null && !_unwatched.Wait(s_interval))
        {
            string name = "between two operations";
            try
            {
                lock (_lock)
                {
                    EndThoseDone();
                    NcclOperation? first = _begun.FirstOrDefault();
                    name = first?.Name ?? name;
                    int state = *_communicator == 0 || _failure is not null ? NcclLibrary.Success : _nccl.State(*_communicator);
                    if (state != NcclLibrary.InProgress)
                    {
                        _nccl.Check(state, "NCCL");
                    }
                    if (first is not null && Environment.TickCount64 - first.BegunAt > _patience.TotalMilliseconds)
                    {
                        throw new SkipwiseException(FormattableString.Invariant(
                            $"did not end within {_patience.TotalSeconds:0} seconds: a rank is stuck or did not take part."));
                    }
                }
                if (_news() is { } news)
                {
                    throw new SkipwiseException(news.Message);
                }
            }
            catch (SkipwiseException e)
            {
                Fail(name, e.Message);
            }
        }
    }
}
