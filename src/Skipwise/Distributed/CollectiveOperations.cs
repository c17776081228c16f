using System.Text.Json;
using System.Text.Json.Serialization;
using static TorchSharp.torch;

namespace Skipwise.Distributed;

/// <summary>Collective operations that wait, and those on numbers, bytes and records.</summary>
public static class CollectiveOperations
{
    private static readonly TimeSpan s_pulse = TimeSpan.FromSeconds(1);
    private static readonly JsonSerializerOptions s_json =
        new() { NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals };

    /// <inheritdoc cref="ICollective.BroadcastAsync"/>
    public static void Broadcast(this ICollective collective, Tensor tensor, int root = 0) =>
        collective.BroadcastAsync(tensor, root).Wait();

    /// <inheritdoc cref="ICollective.AllReduceAsync"/>
    public static void AllReduce(this ICollective collective, Tensor tensor) => collective.AllReduceAsync(tensor).Wait();

    /// <inheritdoc cref="ICollective.ReduceScatterAsync"/>
    public static void ReduceScatter(this ICollective collective, Tensor input, Tensor output) =>
        collective.ReduceScatterAsync(input, output).Wait();

    /// <inheritdoc cref="ICollective.AllGatherAsync"/>
    public static void AllGather(this ICollective collective, Tensor input, Tensor output) =>
        collective.AllGatherAsync(input, output).Wait();

    /// <inheritdoc cref="ICollective.BarrierAsync"/>
    public static void Barrier(this ICollective collective) => collective.BarrierAsync().Wait();

    /// <exception cref="ArgumentException">the whole is not as large as the parts of all ranks</exception>
    internal static void RequireParts(this ICollective collective, Tensor part, Tensor whole)
    {
        if (part.numel() * collective.Size != whole.numel() || part.dtype != whole.dtype)
        {
            throw new ArgumentException($"{whole.numel()} {whole.dtype} are not {collective.Size} times {part.numel()} {part.dtype}");
        }
    }

    /// <summary>Sums of numbers over all ranks.</summary>
    /// <param name="values">as many on every rank</param>
    public static double[] Sum(this ICollective collective, params double[] values)
    {
        if (collective.Size == 1)
        {
            return values;
        }
        using Tensor sums = tensor(values, dtype: ScalarType.Float64);
        collective.AllReduce(sums);
        return sums.data<double>().ToArray();
    }

    /// <summary>The bytes of all ranks, by rank.</summary>
    /// <param name="bytes">any number of them</param>
    public static IReadOnlyList<byte[]> AllGather(this ICollective collective, byte[] bytes)
    {
        if (collective.Size == 1)
        {
            return [bytes];
        }
        using var scope = NewDisposeScope();
        Tensor lengths = zeros(collective.Size, ScalarType.Int64);
        collective.AllGather(tensor([(long)bytes.Length], ScalarType.Int64), lengths);
        long[] all = lengths.data<long>().ToArray();
        long longest = all.Max();
        if (longest == 0)
        {
            return [.. all.Select(_ => Array.Empty<byte>())];
        }
        byte[] padded = [.. bytes, .. new byte[longest - bytes.Length]];
        Tensor gathered = zeros(collective.Size * longest, ScalarType.Byte);
        collective.AllGather(tensor(padded, dtype: ScalarType.Byte), gathered);
        byte[] flat = gathered.data<byte>().ToArray();
        return [.. all.Select((length, rank) => flat.AsSpan(checked((int)(rank * longest)), (int)length).ToArray())];
    }

    /// <summary>A record of every rank, by rank, as JSON.</summary>
    public static IReadOnlyList<T> AllGather<T>(this ICollective collective, T value) => collective.Size == 1
        ? [value]
        :
        [
            .. collective.AllGather(JsonSerializer.SerializeToUtf8Bytes(value, s_json))
                .Select(bytes => JsonSerializer.Deserialize<T>(bytes, s_json)!),
        ];

    /// <summary>What rank 0 computes, on every rank. It may take as long as it needs.</summary>
    /// <param name="compute">called on rank 0 only; an error there is that of rank 0 alone, which then has to end the job</param>
    public static T FromFirst<T>(this ICollective collective, Func<T> compute)
    {
        T? own = default;
        collective.OnFirst(() => own = compute());
        return collective.AllGather(own)[0]!;
    }

    /// <summary>
    /// Runs something on rank 0 alone; the others wait. It may take as long as it needs: rank 0 goes on to tell the others that it works.
    /// </summary>
    /// <param name="work">called on rank 0 only, by another thread, and without collective operations</param>
    internal static void OnFirst(this ICollective collective, Action work)
    {
        if (collective.Size == 1)
        {
            work();
            return;
        }
        if (collective.Rank > 0)
        {
            while (collective.Sum(0)[0] == 0) { }
            return;
        }
        var done = new ManualResetEventSlim(); // outlives this call if the work fails
        var pulse = Task.Run(() =>
        {
            while (!done.Wait(s_pulse))
            {
                collective.Sum(0);
            }
        });
        // a thread of its own: rank 0 hears at once of ranks that fail meanwhile
        var own = Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        if (Task.WaitAny(own, pulse) == 0)
        {
            done.Set();
            own.GetAwaiter().GetResult();
        }
        pulse.GetAwaiter().GetResult();
        collective.Sum(1);
    }

    /// <summary>Whether any rank is asked to stop; all ranks get the same answer.</summary>
    /// <param name="stop">that of this rank</param>
    internal static bool IsAnyStopped(this ICollective collective, CancellationToken stop) =>
        collective.Sum(stop.IsCancellationRequested ? 1 : 0)[0] > 0;
}
