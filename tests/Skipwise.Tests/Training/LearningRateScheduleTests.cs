using Skipwise.Training;

namespace Skipwise.Tests.Training;

public class LearningRateScheduleTests
{
    [Theory]
    [InlineData(LearningRateDecay.Linear, 1, 0.25), InlineData(LearningRateDecay.Linear, 4, 1.0),
        InlineData(LearningRateDecay.Linear, 5, 1.0), InlineData(LearningRateDecay.Linear, 9, 0.5),
        InlineData(LearningRateDecay.Linear, 12, 0.125)]
    [InlineData(LearningRateDecay.Cosine, 5, 1.0), InlineData(LearningRateDecay.Cosine, 9, 0.5)]
    [InlineData(LearningRateDecay.Constant, 5, 1.0), InlineData(LearningRateDecay.Constant, 12, 1.0)]
    public void Rises_in_a_line_then_decays(LearningRateDecay decay, int step, double share) =>
        Assert.Equal(3e-4 * share, new LearningRateSchedule(3e-4, WarmupSteps: 4, Steps: 12, decay).At(step), 1e-12);

    [Fact]
    public void The_floor_is_a_share_of_the_peak()
    {
        var schedule = new LearningRateSchedule(1, WarmupSteps: 0, Steps: 100, LearningRateDecay.Cosine, MinRatio: 0.1);
        Assert.Equal(1, schedule.At(1), 1e-12);
        Assert.InRange(schedule.At(100), 0.1, 0.101);
    }

    [Fact]
    public void No_step_is_wasted_at_rate_zero()
    {
        var schedule = new LearningRateSchedule(1, WarmupSteps: 3, Steps: 10);
        Assert.All(Enumerable.Range(1, 10), step => Assert.True(schedule.At(step) > 0));
    }
}
