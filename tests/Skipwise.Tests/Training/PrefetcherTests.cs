using Skipwise.Training;

namespace Skipwise.Tests.Training;

public class PrefetcherTests
{
    [Theory]
    [InlineData(1), InlineData(2)]
    public void The_elements_come_in_their_order_and_no_further_ahead_than_asked(int ahead)
    {
        int made = 0;
        IEnumerable<int> Numbers()
        {
            for (int i = 0; i < 200; i++)
            {
                Volatile.Write(ref made, i + 1);
                yield return i;
            }
        }
        int next = 0;
        foreach (int number in Prefetcher.Run(_ => Numbers(), ahead))
        {
            Assert.Equal(next++, number);
            if (next % 50 == 0)
            {
                Thread.Sleep(20); // the other thread runs into its bound
            }
            Assert.InRange(Volatile.Read(ref made), next, next + ahead + 1);
        }
        Assert.Equal(200, next);
    }

    [Fact]
    public void An_error_reaches_the_reader_after_the_elements_before_it()
    {
        static IEnumerable<int> Numbers()
        {
            yield return 1;
            yield return 2;
            throw new SkipwiseException("no third");
        }
        var read = new List<int>();
        Assert.Equal("no third", Assert.Throws<SkipwiseException>(() =>
        {
            foreach (int number in Prefetcher.Run(_ => Numbers(), 1))
            {
                read.Add(number);
            }
        }).Message);
        Assert.Equal([1, 2], read);
    }

    [Fact]
    public void Who_leaves_early_waits_until_the_source_is_left_alone()
    {
        using var closed = new ManualResetEventSlim();
        IEnumerable<int> Numbers()
        {
            try
            {
                for (int i = 0; ; i++)
                {
                    Assert.False(closed.IsSet);
                    yield return i;
                }
            }
            finally
            {
                Thread.Sleep(50);
                closed.Set();
            }
        }
        Assert.Equal(3, Prefetcher.Run(_ => Numbers(), 1).Skip(3).First());
        Assert.True(closed.IsSet);
    }

    /// <summary>A long element is left, too.</summary>
    [Fact]
    public void It_ends_when_it_is_stopped()
    {
        using var stop = new CancellationTokenSource();
        static IEnumerable<int> Numbers(CancellationToken stop)
        {
            yield return 1;
            stop.WaitHandle.WaitOne(ChildProcess.Limit);
            stop.ThrowIfCancellationRequested();
        }
        var read = new List<int>();
        foreach (int number in Prefetcher.Run(Numbers, 1, stop.Token))
        {
            read.Add(number);
            stop.Cancel();
        }
        Assert.Equal([1], read);
    }
}
