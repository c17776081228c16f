using Skipwise.Numerics;
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

    /// <summary>By hand: ratio 8 / 4 = 2; (value - 2 reference) / 2 is (3 - 4) / 2 and (5 - 4) / 2.</summary>
    [Fact]
    public void A_relative_difference_is_one_of_the_reference()
    {
        Estimate found = new SeedSamples([[3, 5]]).RelativeTo(new([[2, 2]]));
        Assert.Equal(1, found.Mean, 14);
        Assert.Equal(0.5, found.SampleError!.Value, 14);
    }

    /// <summary>Twice the reference in every document is twice the reference, however different the documents are.</summary>
    [Fact]
    public void What_is_a_multiple_in_every_pair_has_no_error()
    {
        SeedSamples reference = new([[1, 5], [2, 9]]);
        Estimate found = reference.Times(2).RelativeTo(reference);
        Assert.Equal(1, found.Mean, 14);
        Assert.Equal((0.0, 0.0), (found.SeedError, found.SampleError));
    }

    /// <summary>The delta method's error of a ratio is that of many draws of the documents.</summary>
    [Fact]
    public void The_error_of_a_ratio_is_what_draws_of_the_documents_show()
    {
        var rng = new KeyedRandom(1);
        double Uniform() => rng.Between(0, 1_000_000) / 1e6;
        (double[] Value, double[] Reference) Draw(int documents)
        {
            double[] hardness = [.. Enumerable.Range(0, documents).Select(_ => 2 + (4 * Uniform()))];
            return ([.. hardness.Select(hard => (1.5 * hard) + Uniform())], hardness);
        }
        const int documents = 100, draws = 2000;
        double[] ratios = [.. Enumerable.Range(0, draws).Select(_ => Draw(documents)).Select(drawn =>
            drawn.Value.Average() / drawn.Reference.Average())];
        double spread = Statistics.StandardError(ratios) * Math.Sqrt(draws);
        double[] errors = [.. Enumerable.Range(0, 50).Select(_ => Draw(documents)).Select(drawn =>
            new SeedSamples([drawn.Value]).RelativeTo(new([drawn.Reference])).SampleError!.Value)];
        Assert.InRange(errors.Average() / spread, 0.9, 1.1);
    }

    [Theory]
    [InlineData(1.0, 0.929, 1.0), InlineData(0.0, 0.0, 0.071), InlineData(0.9, 0.786, 0.957)]
    public void The_interval_of_a_fraction_is_Wilsons(double mean, double low, double high)
    {
        (double Low, double High) found = new Estimate(mean, null, 0, 1, 50).FractionInterval();
        Assert.Equal((low, high), (Math.Round(found.Low, 3), Math.Round(found.High, 3)));
    }

    [Fact]
    public void The_interval_of_a_fraction_is_wider_with_seeds_that_differ_and_stays_inside()
    {
        (double Low, double High) found = new Estimate(0.9, 0.05, 0.04, 3, 50).FractionInterval();
        Assert.Equal(1, found.High);
        Assert.InRange(found.Low, 0.6, 0.67); // .9 - sqrt(.114^2 + (4.303 * .05)^2) = .657
    }
}
