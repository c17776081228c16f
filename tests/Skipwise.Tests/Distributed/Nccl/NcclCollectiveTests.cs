using System.Globalization;
using Skipwise.Distributed;
using Skipwise.Distributed.Nccl;
using Skipwise.Kernels;
using Skipwise.Runtime;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Distributed.Nccl;

/// <summary>What NCCL is called with, in which order, and what comes out.</summary>
public sealed class NcclCollectiveTests : IDisposable
{
    private readonly FakeNccl _fake = new();

    public void Dispose() => _fake.Dispose();

    [Fact]
    public void The_id_is_passed_by_value_and_the_configuration_as_of_NCCL_2_14()
    {
        using (_fake.Rank()) { }
        string id = string.Concat(Enumerable.Range(0, 128).Select(i => ((7 * i + 3) % 256).ToString("x2", CultureInfo.InvariantCulture)));
        Assert.Contains($"id {id}", _fake.Log);
        // size 24 in 8 bytes, magic, version 21400 = 0x5398, not blocking, padding
        Assert.Contains("config 1800000000000000" + "efbefeca" + "98530000" + "00000000" + "00000000" + " size 1 rank 0", _fake.Log);
    }

    /// <summary>The operation begins after what stream 0 has to do, and stream 0 goes on after its end, on a stream of its own.</summary>
    [Fact]
    public void Events_order_the_operation_between_the_work_of_stream_0()
    {
        using Tensor tensor = ones(3);
        using NcclCollective collective = _fake.Rank();
        int before = _fake.Log.Length;
        ICollectiveHandle handle = collective.AllReduceAsync(tensor);
        handle.Wait();
        string address = Address(tensor);
        Assert.Equal(
            [
                "cuEventRecord 1 on 0",
                "cuStreamWaitEvent 1 on 1",
                $"ncclAllReduce from {address} to {address} count 3 type 7 root-or-op 0 rank 0 stream 1",
                "cuEventRecord 2 on 1",
                "cuStreamWaitEvent 2 on 0",
            ],
            _fake.Log[before..]);
        Assert.Equal(["cuStreamCreate 1 flags 1", "cuEventCreate 1 flags 2"], _fake.Log[..2]); // no wait for stream 0; without time
    }

    /// <summary>An operation that has not ended makes stream 0 wait, not the host.</summary>
    [Fact]
    public void Stream_0_waits_for_an_operation_that_has_not_ended()
    {
        using Tensor tensor = ones(3);
        using var both = new Barrier(2);
        _fake.OnRanks(2, collective =>
        {
            if (collective.Rank == 0)
            {
                ICollectiveHandle handle = collective.AllReduceAsync(tensor);
                handle.Wait();
                Assert.False(handle.IsCompleted);
                Assert.Matches("^cuStreamWaitEvent [0-9]+ on 0$", _fake.Log[^1]);
                both.SignalAndWait();
                FakeNccl.Settle(handle);
                Assert.DoesNotContain("used after its end", _fake.Log);
            }
            else
            {
                both.SignalAndWait();
                FakeNccl.Settle(collective.AllReduceAsync(ones(3)));
            }
        });
        Assert.Equal([2, 2, 2], tensor.data<float>().ToArray());
    }

    /// <summary>The first operations connect the ranks: nothing is recorded before they are on the stream.</summary>
    [Fact]
    public void An_operation_in_progress_is_asked_for_until_it_is_on_the_stream()
    {
        _fake["polls"] = 5;
        using Tensor tensor = ones(3);
        using NcclCollective collective = _fake.Rank();
        FakeNccl.Settle(collective.AllReduceAsync(tensor));
        string[] log = [.. _fake.Log.SkipWhile(line => !line.StartsWith("ncclAllReduce", StringComparison.Ordinal))];
        Assert.StartsWith("cuEventRecord", log[1], StringComparison.Ordinal);
        Assert.DoesNotContain("refused", _fake.Log);
    }

    [Theory]
    [InlineData(ScalarType.Float32, 7), InlineData(ScalarType.Float64, 8), InlineData(ScalarType.Int64, 4),
        InlineData(ScalarType.BFloat16, 9), InlineData(ScalarType.Float16, 6)]
    public void Every_rank_gets_the_sum_in_the_type_itself(ScalarType dtype, int type)
    {
        const int size = 3, count = 4;
        _fake.OnRanks(size, collective =>
        {
            long rank = collective.Rank;
            Tensor all = tensor([rank, 10 * rank, -rank, 1], dtype);
            FakeNccl.Settle(collective.AllReduceAsync(all));
            Assert.Equal([3, 30, -3, 3], Numbers(all));

            Tensor input = arange(size * count, ScalarType.Float32).mul(rank + 1).to(dtype), part = zeros(count, dtype);
            FakeNccl.Settle(collective.ReduceScatterAsync(input, part));
            Assert.Equal(Enumerable.Range((int)rank * count, count).Select(i => 6.0 * i), Numbers(part));
        });
        Assert.Contains(_fake.Log, line => line.StartsWith("ncclReduceScatter", StringComparison.Ordinal)
            && line.Contains($"count {count} type {type} root-or-op 0", StringComparison.Ordinal));
    }

    [Fact]
    public void Tensors_of_all_ranks_come_one_after_the_other_also_in_place()
    {
        _fake.OnRanks(3, collective =>
        {
            int rank = collective.Rank;
            Tensor bools = tensor([rank == 1, true, rank == 2]), gathered = zeros(9, ScalarType.Bool);
            FakeNccl.Settle(collective.AllGatherAsync(bools, gathered));
            Assert.Equal([false, true, false, true, true, false, false, true, true], gathered.data<bool>().ToArray());

            Tensor whole = zeros(6, ScalarType.Int32);
            Tensor own = whole[(2 * rank)..(2 * (rank + 1))];
            own.fill_(rank + 5);
            FakeNccl.Settle(collective.AllGatherAsync(own, whole));
            Assert.Equal([5, 5, 6, 6, 7, 7], whole.data<int>().ToArray());
        });
        Assert.Contains(_fake.Log, line => line.Contains("count 8 type 1 root-or-op -1", StringComparison.Ordinal)); // bytes
    }

    [Fact]
    public void A_rank_tells_all_others()
    {
        _fake.OnRanks(3, collective =>
        {
            Tensor numbers = full(5, collective.Rank, ScalarType.Int16);
            FakeNccl.Settle(collective.BroadcastAsync(numbers, root: 1));
            Assert.Equal([1, 1, 1, 1, 1], numbers.data<short>().ToArray());
        });
        Assert.Contains(_fake.Log, line => line.Contains("count 10 type 1 root-or-op 1 rank 2", StringComparison.Ordinal));
    }

    [Fact]
    public void Tensors_of_other_shapes_or_types_are_refused()
    {
        using NcclCollective collective = _fake.Rank();
        using Tensor integers = zeros(4, ScalarType.Int32), matrix = zeros(2, 3), few = zeros(3);
        Assert.Contains("Int32", Assert.Throws<ArgumentException>(() => collective.AllReduceAsync(integers)).Message,
            StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => collective.AllReduceAsync(matrix.t()));
        Assert.Throws<ArgumentException>(() => collective.ReduceScatterAsync(matrix, few));
        Assert.Throws<ArgumentException>(() => collective.AllGatherAsync(few, matrix));
    }

    /// <summary>torchrun starts no MPI.</summary>
    [Fact]
    public void Without_another_collective_host_tensors_go_by_way_of_the_device()
    {
        FakeNccl.OnRanks(2, rank => _fake.Rank(rank, 2, isOnDevice: _ => false), collective =>
        {
            Tensor whole = tensor([1f, 2, 3, 4]), part = zeros(2); // before the copies, which would leave their addresses
            Assert.Equal([3, 20], collective.Sum(1 + collective.Rank, 10)); // the result is there after one wait
            Assert.Equal(["rank 0", "rank 1"], collective.AllGather($"rank {collective.Rank}"));
            Assert.Equal(7, collective.FromFirst(() => 7));
            collective.Barrier();
            collective.ReduceScatter(whole, part);
            Assert.Equal(collective.Rank == 0 ? [2f, 4] : [6f, 8], part.data<float>().ToArray());
            string[] log = _fake.Log;
            Assert.DoesNotContain(log, line => line.Contains(Address(whole), StringComparison.Ordinal)); // copies were moved
            Assert.DoesNotContain(log, line => line.Contains(Address(part), StringComparison.Ordinal));
        });
    }

    [Fact]
    public void With_another_collective_host_tensors_and_the_id_are_its_own()
    {
        const int size = 2;
        var shared = new TaskCompletionSource<byte[]>();
        StubControl[] controls = [.. Enumerable.Range(0, size).Select(rank => new StubControl(rank, size, shared))];
        using Tensor host = zeros(2), twice = zeros(4);
        FakeNccl.OnRanks(size,
            rank => NcclCollective.Join(_fake.Library, _fake.Cuda, CPU, controls[rank], FakeNccl.Long,
                tensor => !ReferenceEquals(tensor, host) && !ReferenceEquals(tensor, twice)),
            collective =>
            {
                Assert.Equal("NCCL 2.27.3, host tensors by stub", collective.Description);
                collective.AllReduce(host);
                collective.ReduceScatter(twice, host);
                collective.AllGather(host, twice);
                collective.Barrier();
                Tensor device = ones(1);
                FakeNccl.Settle(collective.AllReduceAsync(device));
                Assert.Equal(2, device.ToSingle());
                if (collective.Rank == 0)
                {
                    collective.Abort(3);
                }
            });
        Assert.Equal(["broadcast", "all-reduce", "reduce-scatter", "all-gather", "barrier", "abort 3", "dispose"], controls[0].Asked);
        Assert.Equal(size, _fake.Log.Count(line => line.StartsWith("ncclAllReduce", StringComparison.Ordinal)));
        Assert.Single(_fake.Log.Where(line => line.StartsWith("id ", StringComparison.Ordinal)).Distinct());
    }

    [Fact]
    public void Events_are_used_again_and_nothing_is_left_at_the_end()
    {
        _fake["polls"] = 1;
        using Tensor tensor = ones(3);
        using (NcclCollective collective = _fake.Rank())
        {
            for (int i = 0; i < 50; i++)
            {
                FakeNccl.Settle(collective.AllReduceAsync(tensor));
            }
        }
        Assert.InRange(_fake["created_events"], 2, 4);
        Assert.Equal((0, 0), (_fake["living_events"], _fake["living_streams"]));
        Assert.Equal("ncclCommDestroy", _fake.Log[^1]);
        Assert.Contains("ncclCommFinalize", _fake.Log);
    }

    [Fact]
    public void An_old_NCCL_is_refused_and_another_library_is_none()
    {
        _fake["version"] = 21212;
        Assert.Contains("2.14", Assert.Throws<SkipwiseException>(() => _fake.Library).Message, StringComparison.Ordinal);
        Assert.Null(NcclLibrary.Load("libc.so.6"));
        Assert.Null(NcclLibrary.Load("no-such-library.so"));
    }

    [Fact]
    public void The_driver_tells_of_its_GPUs_and_names_its_errors()
    {
        Assert.Equal(["a0", "a1"], CudaDriver.Gpus(_fake.Path).Select(id => id[..2]));
        Assert.All(CudaDriver.Gpus(_fake.Path), id => Assert.Equal(32, id.Length));
        _fake["gpus"] = 0;
        Assert.Empty(CudaDriver.Gpus(_fake.Path));
        Assert.Empty(CudaDriver.Gpus("no-such-library.so"));
        Assert.Equal((3, 5), _fake.Cuda.Memory());
        Assert.Equal("The GPU's driver fails in cuStreamCreate: CUDA_ERROR_INVALID_CONTEXT.",
            Assert.Throws<SkipwiseException>(() => _fake.Cuda.CreateStream()).Message);
    }

    private static double[] Numbers(Tensor tensor) => tensor.to(ScalarType.Float64).data<double>().ToArray();

    private static string Address(Tensor tensor)
    {
        using var pointers = new TensorPointers();
        return $"0x{pointers.Address(tensor):x}";
    }
}
