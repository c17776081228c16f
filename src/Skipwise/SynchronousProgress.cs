namespace Skipwise;

/// <summary>Calls the handler immediately, on the reporting thread; <see cref="Progress{T}"/> would queue it to others, out of
/// order.</summary>
internal sealed class SynchronousProgress<T>(Action<T> tell) : IProgress<T>
{
    public void Report(T value) => tell(value);
}
