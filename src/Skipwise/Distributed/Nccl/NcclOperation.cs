namespace Skipwise.Distributed.Nccl;

/// <summary>An operation on the stream of a communicator, and its handle.</summary>
/// <param name="communicator">to which it belongs</param>
/// <param name="name">for error messages</param>
/// <param name="isForHost">whether <see cref="Wait"/> is for the host, which reads the result; else it is for stream 0</param>
/// <param name="whenDone">called once, by the first <see cref="Wait"/></param>
internal sealed class NcclOperation(NcclCommunicator communicator, string name, bool isForHost = false, Action? whenDone = null)
    : ICollectiveHandle
{
    private Action? _whenDone = whenDone;

    public string Name => name;

    /// <summary>Time of its creation (<see cref="Environment.TickCount64"/>).</summary>
    public long BegunAt { get; } = Environment.TickCount64;

    /// <summary>The event of its end; 0 until it is recorded. Of the communicator, like <see cref="HasEnded"/>.</summary>
    public nint End { get; set; }

    /// <summary>Whether the event was seen to have happened.</summary>
    public bool HasEnded { get; set; }

    /// <inheritdoc/>
    public bool IsCompleted => communicator.IsCompleted(this);

    /// <inheritdoc/>
    public void Wait()
    {
        // the host does not wait in a copy from the device: if the operation never ends, neither would the copy
        for (var spin = default(SpinWait); isForHost && !IsCompleted; spin.SpinOnce()) { }
        communicator.WaitOnStream0(this);
        Interlocked.Exchange(ref _whenDone, null)?.Invoke();
    }
}
