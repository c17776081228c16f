using Skipwise.Distributed;
using static TorchSharp.torch;

namespace Skipwise.Tests.Distributed;

/// <summary>Ranks that are threads of this process: the definition of the collective operations, with sums in the order of the
/// ranks.</summary>
internal sealed class ThreadRanks : ICollective
{
    private readonly Shared _shared;

    private ThreadRanks(Shared shared, int rank) => (_shared, Rank) = (shared, rank);

    public int Rank { get; }

    public int Size => _shared.Tensors.Length;

    public int LocalRank => Rank;

    public int LocalSize => Size;

    public string Description => "threads";

    /// <summary>Bytes of what each gather of fractions has given this rank.</summary>
    public List<long> Gathered { get; } = [];

    /// <summary>Runs the same on every rank; an error of one ends all.</summary>
    public static T[] Run<T>(int ranks, Func<ICollective, T> body)
    {
        using var shared = new Shared(ranks);
        var results = new T[ranks];
        var errors = new List<Exception>();
        Thread[] threads = [.. Enumerable.Range(0, ranks).Select(rank => new Thread(() =>
        {
            try
            {
                results[rank] = body(new ThreadRanks(shared, rank));
            }
            catch (Exception e)
            {
                lock (errors)
                {
                    errors.Add(e);
                }
                shared.Ended.Cancel();
            }
        }))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        return errors.FirstOrDefault(e => e is not OperationCanceledException) is { } error
            ? throw new InvalidOperationException(error.ToString())
            : results;
    }

    public ICollectiveHandle BroadcastAsync(Tensor tensor, int root = 0) => Together(tensor, all => all[root].clone(), tensor);

    public ICollectiveHandle AllReduceAsync(Tensor tensor) => Together(tensor, all => all.Aggregate((sum, next) => sum + next), tensor);

    public ICollectiveHandle ReduceScatterAsync(Tensor input, Tensor output) => Together(input,
        all => all.Aggregate((sum, next) => sum + next).narrow(0, Rank * output.numel(), output.numel()), output);

    public ICollectiveHandle AllGatherAsync(Tensor input, Tensor output)
    {
        if (input.dtype is ScalarType.Float32 or ScalarType.Float16 or ScalarType.BFloat16)
        {
            Gathered.Add(output.numel() * output.element_size());
        }
        return Together(input, all => cat([.. all.Select(t => t.view(-1))]), output);
    }

    public ICollectiveHandle BarrierAsync()
    {
        _shared.Meet();
        return new Done();
    }

    public void Abort(int exitCode) => _shared.Ended.Cancel();

    public void Dispose() { }

    private Done Together(Tensor own, Func<Tensor[], Tensor> compute, Tensor destination)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        _shared.Tensors[Rank] = own;
        _shared.Meet();
        Tensor result = compute(_shared.Tensors).clone();
        _shared.Meet(); // all have read
        destination.copy_(result.view(destination.shape));
        return new Done();
    }

    private sealed class Done : ICollectiveHandle
    {
        public bool IsCompleted => true;

        public void Wait() { }
    }

    private sealed class Shared(int ranks) : IDisposable
    {
        private readonly Barrier _barrier = new(ranks);

        public Tensor[] Tensors { get; } = new Tensor[ranks];

        public CancellationTokenSource Ended { get; } = new();

        public void Meet() => _barrier.SignalAndWait(Ended.Token);

        public void Dispose()
        {
            _barrier.Dispose();
            Ended.Dispose();
        }
    }
}
