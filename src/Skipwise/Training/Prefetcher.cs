using System.Collections.Concurrent;

namespace Skipwise.Training;

/// <summary>Computes a sequence on a background thread, ahead of its reader.</summary>
internal static class Prefetcher
{
    /// <summary>
    /// The same elements in the same order. An exception of the source is thrown when the reader asks for the next element.
    /// </summary>
    /// <param name="source">read by one other thread, which ends before the reader's loop does; its token is cancelled if nobody
    /// reads on</param>
    /// <param name="ahead">elements buffered at most; one more is being computed</param>
    /// <param name="end">ends the sequence after what is buffered</param>
    public static IEnumerable<T> Run<T>(Func<CancellationToken, IEnumerable<T>> source, int ahead, CancellationToken end = default)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(end);
        using var ready = new BlockingCollection<T>(ahead);
        Task producer =
            Task.Factory.StartNew(() => Produce(source, ready, stop.Token), CancellationToken.None,
                TaskCreationOptions.LongRunning, TaskScheduler.Default);
        try
        {
            foreach (T element in ready.GetConsumingEnumerable(CancellationToken.None)) // the other thread ends it
            {
                yield return element;
            }
            producer.GetAwaiter().GetResult();
        }
        finally
        {
            stop.Cancel();
            Task.WaitAny([producer], CancellationToken.None); // does not throw again
        }
    }

    private static void Produce<T>(Func<CancellationToken, IEnumerable<T>> source, BlockingCollection<T> ready, CancellationToken stop)
    {
        try
        {
            foreach (T element in source(stop))
            {
                ready.Add(element, stop);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested) { }
        finally
        {
            ready.CompleteAdding();
        }
    }
}
