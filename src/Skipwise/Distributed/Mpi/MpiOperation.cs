using System.Diagnostics;

namespace Skipwise.Distributed.Mpi;

/// <summary>An operation for the communication thread, and its handle.</summary>
internal sealed unsafe class MpiOperation : ICollectiveHandle
{
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Begins _begin;
    private readonly Action? _whenDone;
    private bool _isWaitedFor;

    /// <param name="name">name of the operation, for error messages</param>
    /// <param name="begin">called on the communication thread</param>
    /// <param name="whenDone">called once, by the first <see cref="Wait"/></param>
    public MpiOperation(string name, Begins begin, Action? whenDone = null) =>
        (Name, _begin, _whenDone) = (name, begin, whenDone);

    /// <summary>Begins an operation; the library writes its request into the slot.</summary>
    public delegate void Begins(MpiLibrary library, nint* request);

    public string Name { get; }

    /// <inheritdoc/>
    public bool IsCompleted => _ended.Task.IsCompleted;

    /// <summary>Time of <see cref="Begin"/> (<see cref="Stopwatch.GetTimestamp"/>).</summary>
    public long BegunAt { get; private set; }

    /// <summary>Time of <see cref="End"/>; 0 before.</summary>
    public long EndedAt { get; private set; }

    public void Begin(MpiLibrary library, nint* request)
    {
        BegunAt = Stopwatch.GetTimestamp();
        _begin(library, request);
    }

    public void End(Exception? failure)
    {
        EndedAt = Stopwatch.GetTimestamp();
        if (failure is null)
        {
            _ended.TrySetResult();
        }
        else
        {
            _ended.TrySetException(failure is SkipwiseException ? new SkipwiseException(failure.Message, failure) : failure);
        }
    }

    /// <inheritdoc/>
    public void Wait()
    {
        _ended.Task.GetAwaiter().GetResult();
        if (!_isWaitedFor)
        {
            _isWaitedFor = true;
            _whenDone?.Invoke();
        }
    }
}
