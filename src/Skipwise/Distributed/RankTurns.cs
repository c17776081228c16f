using System.Runtime.ExceptionServices;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Skipwise.Distributed;

/// <summary>
/// Work that ends alike on all ranks: an error or a cancellation of one rank is thrown on all of them, at their next exchange. So a job can
/// go on after an error, and none waits for a rank that has left.
/// </summary>
internal static class RankTurns
{
    private static readonly JsonSerializerOptions s_json =
        new() { NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals };

    /// <summary>What every rank computes, on every rank, by rank. It travels as JSON, which keeps numbers exactly.</summary>
    /// <param name="own">computes that of this rank; it may exchange too</param>
    /// <param name="stop">asks this rank to stop</param>
    /// <exception cref="SkipwiseException">an error of some rank (<see cref="FailedRank"/>), the same on all</exception>
    /// <exception cref="OperationCanceledException">some rank was cancelled</exception>
    public static IReadOnlyList<T> Exchange<T>(this ICollective ranks, Func<T> own, CancellationToken stop)
    {
        if (ranks.Size == 1)
        {
            return [own()];
        }
        Exception? failure = null;
        Turn turn = new(Environment.MachineName, null, null, false);
        try
        {
            turn = turn with { Value = JsonSerializer.SerializeToUtf8Bytes(own(), s_json) };
        }
        catch (Exception e) when (e is SkipwiseException or OperationCanceledException && FailedRank.Of(e) is null)
        {
            failure = e;
            turn = turn with { Error = e is SkipwiseException ? e.Message : null, IsStopped = e is OperationCanceledException };
        }
        IReadOnlyList<Turn> all = ranks.AllGather(turn);
        for (int rank = 0; rank < all.Count; rank++)
        {
            if (all[rank].Error is { } error)
            {
                Exception thrown = rank == ranks.Rank ? failure! : new SkipwiseException(error);
                ExceptionDispatchInfo.Throw(FailedRank.With(thrown, rank, all[rank].Host));
            }
        }
        for (int rank = 0; rank < all.Count; rank++)
        {
            if (all[rank].IsStopped)
            {
                throw FailedRank.With(new OperationCanceledException(stop), rank, all[rank].Host);
            }
        }
        return [.. all.Select(other => JsonSerializer.Deserialize<T>(other.Value, s_json)!)];
    }

    /// <summary>Work that all ranks do, with exchanges within it: all of them return, or all of them throw.</summary>
    /// <inheritdoc cref="Exchange"/>
    /// <returns>the result of this rank</returns>
    public static T Together<T>(this ICollective ranks, Func<T> work, CancellationToken stop)
    {
        T? result = default;
        ranks.Exchange(() =>
        {
            result = work();
            return true;
        }, stop);
        return result!;
    }

    /// <summary>Requires that all ranks are about to do the same.</summary>
    /// <param name="what">what is compared, for people: "the prompts"</param>
    /// <param name="identity">computes a hash of it</param>
    /// <exception cref="SkipwiseException">a rank differs, which it names</exception>
    public static void RequireSame(this ICollective ranks, string what, Func<string> identity, CancellationToken stop)
    {
        if (ranks.Size == 1)
        {
            return;
        }
        IReadOnlyList<string[]> all = ranks.Exchange(() => new[] { identity(), Environment.MachineName }, stop);
        for (int rank = 1; rank < all.Count; rank++)
        {
            if (all[rank][0] != all[0][0])
            {
                throw FailedRank.With(new SkipwiseException(FormattableString.Invariant(
                    $"{what} differ from those of rank 0 on {all[0][1]}. Start all ranks with the same command on the same files.")),
                    rank, all[rank][1]);
            }
        }
    }

    private sealed record Turn(string Host, string? Error, byte[]? Value, bool IsStopped);
}
