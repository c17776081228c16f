namespace Skipwise;

/// <summary>Progress that is told at once, on the thread that reports it; <see cref="Progress{T}"/> would queue it to others, out of
/// order.</summary>
internal sealed class SynchronousProgress<T>(Action<T> tell) : IProgress<T>
{
    public void Report(T value) => tell(value);
}
