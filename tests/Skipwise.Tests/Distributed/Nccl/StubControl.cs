using Skipwise.Distributed;
using static TorchSharp.torch;

namespace Skipwise.Tests.Distributed.Nccl;

/// <summary>A collective that notes what it is asked for. A broadcast takes the bytes of the rank that has them.</summary>
internal sealed class StubControl(int rank, int size, TaskCompletionSource<byte[]>? shared = null) : ICollective
{
    public List<string> Asked { get; } = [];

    public Exception? Bad { get; set; }

    public int Rank => rank;

    public int Size => size;

    public int LocalRank => rank;

    public int LocalSize => size;

    public string Description => "stub";

    Exception? ICollective.Failure => Bad;

    public ICollectiveHandle BroadcastAsync(Tensor target, int root = 0)
    {
        if (rank == root)
        {
            shared?.SetResult(target.data<byte>().ToArray());
        }
        else
        {
            using Tensor bytes = tensor(shared!.Task.Result);
            target.copy_(bytes);
        }
        return Note("broadcast");
    }

    public ICollectiveHandle AllReduceAsync(Tensor tensor) => Note("all-reduce");

    public ICollectiveHandle ReduceScatterAsync(Tensor input, Tensor output) => Note("reduce-scatter");

    public ICollectiveHandle AllGatherAsync(Tensor input, Tensor output) => Note("all-gather");

    public ICollectiveHandle BarrierAsync() => Note("barrier");

    public void Abort(int exitCode) => Asked.Add($"abort {exitCode}");

    public void Dispose() => Asked.Add("dispose");

    private ICollectiveHandle Note(string operation)
    {
        Asked.Add(operation);
        return SingleProcess.Instance.BarrierAsync();
    }
}
