using static TorchSharp.torch;

namespace Skipwise.Kernels;

/// <summary>Runs Skipwise's own kernels on as many threads as libtorch has.</summary>
internal static class ParallelWork
{
    /// <summary>
    /// Calls <paramref name="work"/> once for every unit. Threads take the next unit as they become free; the result must not depend on
    /// which thread computes it.
    /// </summary>
    /// <param name="work">receives the thread's index, below <paramref name="threads"/>, and the unit's</param>
    public static void For(int threads, int units, Action<int, int> work)
    {
        int next = -1;
        void TakeAll(int thread)
        {
            for (int unit = Interlocked.Increment(ref next); unit < units; unit = Interlocked.Increment(ref next))
            {
                work(thread, unit);
            }
        }

        threads = Math.Min(threads, units);
        if (threads <= 1)
        {
            TakeAll(0);
            return;
        }
        Parallel.For(0, threads, new ParallelOptions { MaxDegreeOfParallelism = threads }, TakeAll);
    }

    /// <summary>The same for ranges of rows, each long enough to pay for a thread.</summary>
    /// <param name="columns">elements of a row</param>
    /// <param name="work">receives the first row and the one after the last</param>
    public static void ForRange(long rows, long columns, Action<long, long> work) =>
        ForRange(rows, columns, (_, first, end) => work(first, end));

    /// <param name="work">receives the thread's index too, below libtorch's number of threads</param>
    /// <inheritdoc cref="ForRange(long, long, Action{long, long})"/>
    public static void ForRange(long rows, long columns, Action<int, long, long> work)
    {
        const long least = 1 << 14; // elements
        long size = Math.Max(1, least / Math.Max(1, columns));
        For(get_num_threads(), (int)((rows + size - 1) / size), (thread, unit) =>
            work(thread, unit * size, Math.Min(rows, (unit + 1) * size)));
    }
}
