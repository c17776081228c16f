using Skipwise.Numerics;

namespace Skipwise.Tests.Numerics;

/// <summary>Every expected number was computed by CPython 3.11.</summary>
public class PythonRandomTests
{
    [Theory]
    [InlineData(42, new uint[] { 2746317213, 478163327, 107420369, 3184935163, 1181241943 })]
    [InlineData(1234, new uint[] { 4150886329, 3342196574, 1892932127, 501869158, 32175636 })]
    [InlineData(0, new uint[] { 3626764237, 1654615998, 3255389356 })]
    [InlineData(-5, new uint[] { 2675342405, 1097127993, 3185950873 })]
    [InlineData((1L << 40) + 7, new uint[] { 2635837658, 3209733218, 3500038837 })]
    public void Bits(long seed, uint[] expected)
    {
        var random = new PythonRandom(seed);
        Assert.Equal(expected, expected.Select(_ => random.GetRandBits(32)));
    }

    [Fact]
    public void Fewer_bits_are_the_upper_ones()
    {
        var random = new PythonRandom(7);
        Assert.Equal([0, 30, 38, 51750, 1397871144, 207388624], new[] { 1, 5, 8, 17, 31, 32 }.Select(random.GetRandBits));
        Assert.Throws<ArgumentOutOfRangeException>(() => random.GetRandBits(33));
    }

    [Theory]
    [InlineData(42, new[] { 0.6394267984578837, 0.025010755222666936, 0.27502931836911926 })]
    [InlineData(1234, new[] { 0.9664535356921388, 0.4407325991753527, 0.007491470058587191 })]
    public void Doubles(long seed, double[] expected)
    {
        var random = new PythonRandom(seed);
        Assert.Equal(expected, expected.Select(_ => random.NextDouble()));
    }

    [Fact]
    public void Integers_below_a_bound()
    {
        var random = new PythonRandom(3);
        Assert.Equal([0, 0, 1, 4, 7, 1, 620, 28278034], new[] { 1, 2, 3, 7, 8, 9, 1000, int.MaxValue }.Select(random.Below));
        var dice = new PythonRandom(1234);
        Assert.Equal([4, 1, 1, 1, 5, 1, 6, 6, 1, 1], Enumerable.Range(0, 10).Select(_ => dice.Between(1, 6)));
    }

    [Fact]
    public void Shuffle()
    {
        int[] items = [.. Enumerable.Range(0, 10)];
        new PythonRandom(42).Shuffle(items.AsSpan());
        Assert.Equal([7, 3, 2, 8, 5, 6, 9, 4, 0, 1], items);
    }

    [Fact]
    public void Sample_takes_both_of_its_ways()
    {
        Assert.Equal([14, 3, 0, 2, 1], new PythonRandom(1234).Sample(20, 5));
        var random = new PythonRandom(99);
        Assert.Equal([413, 389, 204, 613, 183, 235, 254], random.Sample(1000, 7));
        Assert.Equal([4, 2, 8, 12, 16], random.Sample(21, 5)); // the largest pool for five draws
        Assert.Equal([21, 17, 2, 19, 15], random.Sample(22, 5));
        Assert.Equal([25, 53, 78, 75, 27, 47], random.Sample(85, 6)); // ... and for six
        Assert.Equal([49, 27, 19, 59, 84, 22], random.Sample(86, 6));
        Assert.Equal([2, 1, 0], random.Sample(3, 3));
        Assert.Empty(random.Sample(5, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => random.Sample(3, 4));
    }

    [Fact]
    public void More_numbers_than_the_state_holds_still_agree()
    {
        var random = new PythonRandom(42);
        uint sum = 0;
        for (int i = 0; i < 2000; i++)
        {
            sum = sum * 31 + random.GetRandBits(32);
        }
        Assert.Equal(867097474u, sum);
    }
}
