using System.Runtime.ExceptionServices;

namespace Skipwise.Distributed;

/// <summary>Work that each rank does by itself, for as long as it takes: meanwhile the ranks tell each other that they work.</summary>
internal static class RankWork
{
    private static readonly TimeSpan s_pulse = TimeSpan.FromSeconds(1);

    /// <summary>Works on every rank, and returns when all are done.</summary>
    /// <param name="ranks">all ranks</param>
    /// <param name="work">of this rank, without collective operations</param>
    /// <param name="stop">asks this rank to stop, and is cancelled if another one stops or fails; the work heeds it</param>
    /// <exception cref="SkipwiseException">an error of some rank (<see cref="FailedRank"/>), the same on all</exception>
    /// <exception cref="OperationCanceledException">some rank was cancelled</exception>
    public static void Apart(this ICollective ranks, Action work, CancellationTokenSource stop)
    {
        if (ranks.Size == 1)
        {
            work();
            return;
        }
        Exception? failure = null;
        var done = new ManualResetEventSlim(); // outlives this call if the work fails for another reason
        var pulse = Task.Run(() =>
        {
            try
            {
                Pulse(ranks, done, stop);
            }
            catch
            {
                stop.Cancel(); // a rank is gone: the work here is of no use
                throw;
            }
        });
        try
        {
            work();
        }
        catch (Exception e) when (e is SkipwiseException or OperationCanceledException)
        {
            failure = e;
            stop.Cancel();
        }
        done.Set();
        pulse.GetAwaiter().GetResult();
        ranks.Exchange(() =>
        {
            if (failure is not null)
            {
                ExceptionDispatchInfo.Throw(failure);
            }
            return true;
        }, stop.Token);
    }

    /// <summary>Tells the others every second whether this rank is done or stops, until all are done.</summary>
    private static void Pulse(ICollective ranks, ManualResetEventSlim done, CancellationTokenSource stop)
    {
        while (true)
        {
            double[] sums = ranks.Sum(done.IsSet ? 1 : 0, stop.IsCancellationRequested ? 1 : 0);
            if (sums[1] > 0)
            {
                stop.Cancel();
            }
            if (sums[0] == ranks.Size)
            {
                return;
            }
            if (!done.Wait(s_pulse))
            {
                continue;
            }
            Thread.Sleep(s_pulse / 10);
        }
    }
}
