using static TorchSharp.torch;

namespace Skipwise.Kernels;

/// <summary>Work of our own shared among as many threads as libtorch has.</summary>
internal static class ParallelWork
{
    /// <summary>
    /// Calls <paramref name="work"/> once for every unit; whoever is free takes the next, so what comes out must not depend on who did.
    /// </summary>
    /// <param name="work">takes the thread's number, below <paramref name="threads"/>, and the unit's</param>
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

    /// <summary>The same for ranges of rows, each long enough to be worth a thread's while.</summary>
    /// <param name="numbers">that a row is made of</param>
    /// <param name="work">takes the first row and the one after the last</param>
    public static void ForRange(long rows, long numbers, Action<long, long> work)
    {
        const long least = 1 << 14; // numbers
        long size = Math.Max(1, least / Math.Max(1, numbers));
        For(get_num_threads(), (int)((rows + size - 1) / size), (_, unit) => work(unit * size, Math.Min(rows, (unit + 1) * size)));
    }
}
