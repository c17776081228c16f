namespace Skipwise.Distributed;

/// <summary>A collective operation that has begun. Its tensors belong to it until <see cref="Wait"/> returns.</summary>
public interface ICollectiveHandle
{
    /// <summary>Whether <see cref="Wait"/> would return at once.</summary>
    bool IsCompleted { get; }

    /// <summary>Waits for the result.</summary>
    /// <exception cref="SkipwiseException">the operation failed, or a rank is gone; names it if that is known</exception>
    void Wait();
}
