using static TorchSharp.torch;

namespace Skipwise.Distributed;

/// <summary>A job of one process. It loads no library.</summary>
public sealed class SingleProcess : ICollective
{
    private static readonly Completed s_done = new();

    private SingleProcess() { }

    /// <summary>The only one that is needed.</summary>
    public static SingleProcess Instance { get; } = new();

    /// <inheritdoc/>
    public int Rank => 0;

    /// <inheritdoc/>
    public int Size => 1;

    /// <inheritdoc/>
    public int LocalRank => 0;

    /// <inheritdoc/>
    public int LocalSize => 1;

    /// <inheritdoc/>
    public string Description => "one process";

    /// <inheritdoc/>
    public ICollectiveHandle BroadcastAsync(Tensor tensor, int root = 0) => s_done;

    /// <inheritdoc/>
    public ICollectiveHandle AllReduceAsync(Tensor tensor) => s_done;

    /// <inheritdoc/>
    public ICollectiveHandle ReduceScatterAsync(Tensor input, Tensor output) => Copy(input, output);

    /// <inheritdoc/>
    public ICollectiveHandle AllGatherAsync(Tensor input, Tensor output) => Copy(input, output);

    /// <inheritdoc/>
    public ICollectiveHandle BarrierAsync() => s_done;

    /// <inheritdoc/>
    public void Abort(int exitCode) => Environment.Exit(exitCode);

    /// <inheritdoc/>
    public void Dispose() { }

    private static Completed Copy(Tensor input, Tensor output)
    {
        using IDisposable noGradient = no_grad();
        output.copy_(input);
        return s_done;
    }

    private sealed class Completed : ICollectiveHandle
    {
        public bool IsCompleted => true;

        public void Wait() { }
    }
}
