using Skipwise.Training;

namespace Skipwise.Tests.Training;

public class LossScalerTests
{
    [Fact]
    public void The_first_overflow_is_borne_and_each_later_one_halves_the_scale()
    {
        var scaler = new LossScaler();
        double[] scales = [.. Enumerable.Range(0, 15).Select(_ => { scaler.Update(overflowed: true); return scaler.State.Scale; })];
        Assert.Equal([4096, 2048, 1024, 512, 256, 128, 64, 32, 16, 8, 4, 2, 1, 1, 1], scales);
        Assert.Equal(15, scaler.State.SkippedSteps);
        Assert.False(scaler.CanReduceScale);
    }

    [Fact]
    public void A_thousand_good_steps_in_a_row_double_it_and_an_overflow_is_borne_again()
    {
        var scaler = new LossScaler();
        Good(scaler, 999);
        Assert.Equal(4096, scaler.State.Scale);
        Good(scaler, 1);
        Assert.Equal(8192, scaler.State.Scale);
        scaler.Update(overflowed: true); // borne
        Good(scaler, 999); // an overflow starts the count anew, and these do not restore the patience
        scaler.Update(overflowed: true);
        Assert.Equal(4096, scaler.State.Scale);
        Good(scaler, 1000);
        scaler.Update(overflowed: true);
        Assert.Equal(8192, scaler.State.Scale);
    }

    [Fact]
    public void An_overflow_starts_the_count_of_good_steps_anew()
    {
        var scaler = new LossScaler();
        Good(scaler, 500);
        scaler.Update(overflowed: true); // borne
        Good(scaler, 999);
        Assert.Equal(4096, scaler.State.Scale);
        Good(scaler, 1);
        Assert.Equal(8192, scaler.State.Scale);
    }

    [Fact]
    public void A_resumed_scaler_goes_on_as_if_nothing_had_happened()
    {
        LossScaler one = new(), other = new();
        for (int step = 0; step < 3000; step++)
        {
            bool overflowed = step % 617 == 616;
            one.Update(overflowed);
            other = new LossScaler(other.State);
            other.Update(overflowed);
        }
        Assert.Equal(one.State, other.State);
    }

    private static void Good(LossScaler scaler, int steps)
    {
        for (int step = 0; step < steps; step++)
        {
            scaler.Update(overflowed: false);
        }
    }
}
