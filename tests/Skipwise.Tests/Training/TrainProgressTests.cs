using Skipwise.Training;

namespace Skipwise.Tests.Training;

/// <summary>Where a run stands is read from a file, which may hold anything.</summary>
public class TrainProgressTests
{
    [Theory]
    [InlineData(3, 1, 2, true)]
    [InlineData(3, 2, 2, false)] // a step is skipped for one reason
    [InlineData(3, 4, 0, false)]
    [InlineData(3, 0, 4, false)]
    [InlineData(int.MaxValue, int.MaxValue, int.MaxValue, false)]
    public void No_more_steps_were_skipped_than_were_done(int steps, int bad, int overflowed, bool isValid)
    {
        var progress = new TrainProgress(steps, steps)
        {
            Guard = new StepGuardState { SkippedSteps = bad },
            Scaler = new LossScalerState { SkippedSteps = overflowed },
        };
        Assert.Equal(isValid, progress.IsValid);
        Assert.True(!isValid || progress.OptimizerSteps >= 0);
    }
}
