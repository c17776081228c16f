using Skipwise.Reproduction;

namespace Skipwise.Tests.Reproduction;

public sealed class SeedSamplesTests
{
    [Fact]
    public void Mean_and_errors_by_hand()
    {
        // seeds: means 2 and 4; documents: means 2, 4, 3
        Estimate found = new SeedSamples([[1, 3, 2], [3, 5, 4]]).Estimate();
        Assert.Equal(3, found.Mean, 14);
        Assert.Equal(1, found.SeedError!.Value, 14); // sd sqrt(2), over sqrt(2)
        Assert.Equal(1 / Math.Sqrt(3), found.SampleError!.Value, 14); // sd 1, over sqrt(3)
        Assert.Equal((2, 3), (found.Seeds, found.Samples));
        // Student's t of 1 and 2 degrees
        Assert.Equal(Math.Sqrt(Math.Pow(12.7062, 2) + (Math.Pow(4.30265, 2) / 3)), found.Reach(), 3);
        Assert.Equal(found.Reach(), found.Mean - found.Low(), 12);
        Assert.Equal(found.Reach(), found.High() - found.Mean, 12);
    }

    [Fact]
    public void One_seed_has_the_error_of_samples_alone_and_one_number_none()
    {
        Estimate one = new SeedSamples([[1, 3, 2]]).Estimate();
        Assert.Null(one.SeedError);
        Assert.Equal(one.SampleError, one.Error());
        Assert.Equal(4.30265 / Math.Sqrt(3), one.Reach(), 4);
        Estimate single = new SeedSamples([[1]]).Estimate();
        Assert.Null(single.Error());
        Assert.True(double.IsNaN(single.Reach()));
    }

    /// <summary>What is common to both of a pair is in no error: the point of pairing.</summary>
    [Fact]
    public void A_difference_is_taken_within_each_pair()
    {
        SeedSamples hard = new([[10, 20, 30], [12, 22, 32]]), easy = new([[9, 19, 29], [11, 21, 31]]);
        Estimate difference = hard.Minus(easy).Estimate();
        Assert.Equal(1, difference.Mean, 14);
        Assert.Equal((0.0, 0.0), (difference.SeedError, difference.SampleError));
        Assert.True(hard.Estimate().SampleError > 5);
    }

    [Fact]
    public void A_model_without_seeds_is_compared_with_every_seed()
    {
        SeedSamples plain = new([[1, 2]], IsTrained: false), trained = new([[3, 4], [5, 6]]);
        Assert.Equal((0, 2), (plain.Estimate().Seeds, plain.Minus(trained).Estimate().Seeds));
        Assert.Equal(0, plain.Times(2).Minus(plain).Estimate().Seeds);
        Assert.Equal([[-2, -2], [-4, -4]], plain.Minus(trained).Values);
        Assert.Equal([[2, 2], [4, 4]], trained.Minus(plain).Values);
    }

    [Fact]
    public void What_are_no_pairs_is_not_subtracted()
    {
        SeedSamples two = new([[1, 2], [3, 4]]);
        Assert.Throws<ArgumentException>(() => two.Minus(new([[1, 2, 3], [4, 5, 6]])));
        Assert.Throws<ArgumentException>(() => two.Minus(new([[1, 2], [3, 4], [5, 6]])));
    }

    [Fact]
    public void A_relative_difference_is_one_of_the_reference()
    {
        Estimate found = ReproductionContext.RelativeTo(new([[3, 5]]), new([[2, 2]]));
        Assert.Equal(1, found.Mean, 14); // (1 + 3) / 2 over 2
        Assert.Equal(0.5, found.SampleError!.Value, 14);
    }
}
