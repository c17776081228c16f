using CsCheck;
using Skipwise.Evaluation;

namespace Skipwise.Tests.Evaluation;

public sealed class LargestFitTests
{
    [Fact]
    public void The_largest_size_is_found_from_any_guess() =>
        Gen.Select(Gen.Int[-1, 500], Gen.Int[0, 500], Gen.Int[-10, 600]).Sample((largest, most, guess) =>
            Assert.Equal(Math.Min(largest, most), LargestFit.Find(guess, most, size =>
            {
                Assert.InRange(size, 0, most);
                return size <= largest;
            })));

    [Theory]
    [InlineData(1_000_000, 1_000_000, 2)]
    [InlineData(1_000_003, 1_000_000, 8)]
    [InlineData(999_000, 1_000_000, 24)]
    public void A_good_guess_needs_few_counts(int largest, int guess, int atMost)
    {
        int counts = 0;
        LargestFit.Find(guess, int.MaxValue / 2, size => { counts++; return size <= largest; });
        Assert.InRange(counts, 1, atMost);
    }
}
