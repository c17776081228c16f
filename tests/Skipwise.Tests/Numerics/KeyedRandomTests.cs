using CsCheck;
using Skipwise.Numerics;

namespace Skipwise.Tests.Numerics;

public class KeyedRandomTests
{
    [Fact]
    public void Draws_are_a_pure_function_of_the_key() =>
        Gen.Select(Gen.ULong, Gen.ULong, Gen.ULong).Sample((seed, stream, index) =>
        {
            var first = new KeyedRandom(seed, stream, index);
            var second = new KeyedRandom(seed, stream, index);
            return Enumerable.Range(0, 20).All(_ => first.NextUInt64() == second.NextUInt64());
        });

    [Fact]
    public void Neighbouring_keys_give_unrelated_streams()
    {
        var firsts = new HashSet<ulong>();
        for (ulong seed = 0; seed < 10; seed++)
        {
            for (ulong stream = 0; stream < 30; stream++)
            {
                for (ulong index = 0; index < 300; index++)
                {
                    Assert.True(firsts.Add(new KeyedRandom(seed, stream, index).NextUInt64()));
                }
            }
        }
        // mean of the top bits over all keys: a biased mixing of the key would show here
        Assert.InRange(firsts.Average(x => x / (double)ulong.MaxValue), 0.497, 0.503);
    }

    [Theory]
    [InlineData(1), InlineData(2), InlineData(7), InlineData(1000)]
    public void Below_is_uniform(int count)
    {
        const int draws = 200_000;
        var rng = new KeyedRandom(42);
        int[] seen = new int[count];
        for (int i = 0; i < draws; i++)
        {
            seen[rng.Below(count)]++;
        }
        double expected = (double)draws / count;
        double chiSquare = seen.Sum(n => (n - expected) * (n - expected) / expected);
        Assert.InRange(chiSquare, 0, count - 1 + (5 * Math.Sqrt(2.0 * count))); // five standard deviations of chi square
    }

    [Fact]
    public void Between_reaches_both_ends()
    {
        var rng = new KeyedRandom(3);
        var seen = Enumerable.Range(0, 200).Select(_ => rng.Between(-2, 2)).ToHashSet();
        Assert.Equal([-2, -1, 0, 1, 2], seen.Order());
    }

    [Fact]
    public void Shuffle_keeps_every_element()
    {
        int[] items = [.. Enumerable.Range(0, 100)];
        new KeyedRandom(5).Shuffle<int>(items);
        Assert.NotEqual(Enumerable.Range(0, 100), items);
        Assert.Equal(Enumerable.Range(0, 100), items.Order());
    }
}
