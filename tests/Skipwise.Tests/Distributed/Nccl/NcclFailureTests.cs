using System.Diagnostics;
using Skipwise.Distributed;
using Skipwise.Distributed.Nccl;
using static TorchSharp.torch;

namespace Skipwise.Tests.Distributed.Nccl;

/// <summary>Errors, ranks that are gone, and operations that never end: each ends by an error that says so.</summary>
public sealed class NcclFailureTests : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(1);

    private readonly FakeNccl _fake = new();

    public void Dispose() => _fake.Dispose();

    [Fact]
    public void An_operation_that_never_ends_is_given_up_after_the_patience()
    {
        using Tensor tensor = ones(3);
        using NcclCollective collective = _fake.Rank(patience: s_patience);
        _fake["hang"] = 1;
        var clock = Stopwatch.StartNew();
        ICollectiveHandle handle = collective.ReduceScatterAsync(tensor, tensor);
        handle.Wait(); // of stream 0
        Assert.InRange(clock.Elapsed, TimeSpan.Zero, s_patience);
        Assert.DoesNotContain("ncclCommAbort", _fake.Log);
        Assert.True(SpinWait.SpinUntil(() => _fake.Log.Contains("ncclCommAbort"), TimeSpan.FromSeconds(30)));
        Assert.True(clock.Elapsed >= s_patience);

        string expected = $"rank 0 on {Environment.MachineName}, reduce-scatter: did not end within 1 seconds: "
            + "a rank is stuck or did not take part.";
        Assert.Equal(expected, Assert.Throws<SkipwiseException>(handle.Wait).Message);
        Assert.Equal(expected, Assert.Throws<SkipwiseException>(() => collective.AllReduce(tensor)).Message);
        Assert.Equal(expected, Assert.Throws<SkipwiseException>(() => collective.Barrier()).Message);
        Assert.Equal(expected, ((ICollective)collective).Failure?.Message);
        RequireNoCallAfterTheAbort();
    }

    /// <summary>A copy from the device to the host would never return: the host does not begin it.</summary>
    [Fact]
    public void The_host_does_not_wait_forever_for_a_tensor_of_its_own()
    {
        using Tensor host = ones(3);
        using NcclCollective collective = _fake.Rank(patience: s_patience, isOnDevice: _ => false);
        _fake["hang"] = 1;
        Assert.Contains("all-reduce: did not end", Assert.Throws<SkipwiseException>(() => collective.AllReduce(host)).Message,
            StringComparison.Ordinal);
        Assert.Equal([1, 1, 1], host.data<float>().ToArray());
    }

    [Fact]
    public void A_rank_that_does_not_come_is_not_waited_for_forever()
    {
        Assert.Contains("start of NCCL: did not end within 1 seconds",
            Assert.Throws<SkipwiseException>(() => _fake.Rank(size: 2, patience: s_patience)).Message, StringComparison.Ordinal);
        RequireNoCallAfterTheAbort();
    }

    /// <summary>A call that waits for room on the device holds the thread: the abort alone frees it.</summary>
    [Fact]
    public void A_call_that_does_not_return_is_ended()
    {
        using Tensor tensor = ones(3);
        using NcclCollective collective = _fake.Rank(patience: s_patience);
        _fake["block"] = 1;
        Assert.Contains("broadcast: did not end", Assert.Throws<SkipwiseException>(() => collective.Broadcast(tensor)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void An_error_that_comes_later_ends_the_communicator()
    {
        using Tensor tensor = ones(3);
        using NcclCollective collective = _fake.Rank();
        _fake["hang"] = 1;
        ICollectiveHandle handle = collective.AllReduceAsync(tensor);
        _fake["async_result"] = 6;
        Assert.True(SpinWait.SpinUntil(() => handle.IsCompleted, TimeSpan.FromSeconds(30)));
        Assert.Equal($"rank 0 on {Environment.MachineName}, all-reduce: NCCL: fake error 6: Fake warning.",
            Assert.Throws<SkipwiseException>(handle.Wait).Message);
        Assert.True(SpinWait.SpinUntil(() => _fake.Log.Contains("ncclCommAbort"), TimeSpan.FromSeconds(30)));
        RequireNoCallAfterTheAbort();
    }

    [Fact]
    public void An_operation_that_cannot_begin_fails_when_it_is_waited_for()
    {
        using Tensor tensor = ones(3);
        using NcclCollective collective = _fake.Rank();
        _fake["call_result"] = 5;
        ICollectiveHandle handle = collective.AllReduceAsync(tensor);
        Assert.True(handle.IsCompleted);
        Assert.Contains("all-reduce: NCCL: fake error 5", Assert.Throws<SkipwiseException>(handle.Wait).Message, StringComparison.Ordinal);
        Assert.Throws<SkipwiseException>(() => collective.AllReduceAsync(tensor));
        Assert.Contains("ncclCommAbort", _fake.Log);
        RequireNoCallAfterTheAbort();
    }

    /// <summary>MPI notices a stopped process before NCCL does.</summary>
    [Fact]
    public void What_the_other_collective_knows_ends_NCCL_too()
    {
        using Tensor tensor = ones(3);
        var control = new StubControl(0, 1);
        using NcclCollective collective = _fake.Rank(control: control);
        _fake["hang"] = 1;
        ICollectiveHandle handle = collective.AllReduceAsync(tensor);
        control.Bad = new SkipwiseException("rank 1 on b gives no sign of life.");
        Assert.True(SpinWait.SpinUntil(() => handle.IsCompleted, TimeSpan.FromSeconds(30)));
        Assert.Equal($"rank 0 on {Environment.MachineName}, all-reduce: rank 1 on b gives no sign of life.",
            Assert.Throws<SkipwiseException>(handle.Wait).Message);
        Assert.Throws<SkipwiseException>(() => collective.Barrier()); // not asked of the other any more
        Assert.DoesNotContain("barrier", control.Asked);
    }

    private void RequireNoCallAfterTheAbort() => Assert.DoesNotContain("used after its end", _fake.Log);
}
