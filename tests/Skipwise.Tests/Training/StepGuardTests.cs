using Skipwise.Data;
using Skipwise.Models;
using Skipwise.Training;
using Skipwise.Training.Optimizers;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Training;

public class StepGuardTests
{
    private static readonly TrainOptions s_options =
        new() { Steps = 40, BatchSize = 2, LearningRate = 1e-3, WarmupSteps = 0, MaxBadSteps = 3 };

    [Fact]
    public void A_spike_is_a_loss_far_above_the_upper_quantile()
    {
        var guard = new StepGuard(s_options);
        for (int i = 0; i < StepGuard.MinHistory; i++)
        {
            Assert.Null(guard.CheckLoss(1000)); // too few losses to tell
            guard.Record(2 + (i % 2), null); // eight times 2, eight times 3: q10 = 2, q90 = 3
        }
        Assert.Equal(3 + 6 * 1, guard.SpikeLimit(), 12);
        Assert.Null(guard.CheckLoss(9));
        Assert.Contains("a spike above 9", guard.CheckLoss(9.001));
        Assert.Equal("the loss is NaN", guard.CheckLoss(double.NaN));
        Assert.Null(new StepGuard(s_options with { SpikeThreshold = 0 }, guard.State).CheckLoss(1e9));
    }

    /// <summary>Of sixteen losses, ranks 1.5 and 13.5: numpy's default.</summary>
    [Fact]
    public void Quantiles_between_two_losses_are_interpolated()
    {
        var losses = new StepGuardState { RecentLosses = [.. Enumerable.Range(1, StepGuard.MinHistory).Select(loss => (double)loss)] };
        Assert.Equal(14.5 + 6 * (14.5 - 2.5), new StepGuard(s_options, losses).SpikeLimit(), 12);
    }

    [Fact]
    public void A_flat_loss_has_a_least_width()
    {
        var guard = new StepGuard(s_options, new StepGuardState { RecentLosses = [.. Enumerable.Repeat(1.0, 64)] });
        Assert.Equal(1 + 6 * 0.05, guard.SpikeLimit(), 12);
    }

    [Fact]
    public void As_many_losses_are_remembered_as_the_window_holds()
    {
        var guard = new StepGuard(s_options);
        for (int step = 0; step < 100; step++)
        {
            guard.Record(step, null);
        }
        Assert.Equal(Enumerable.Range(100 - StepGuard.HistoryLength, StepGuard.HistoryLength).Select(step => (double)step),
            guard.State.RecentLosses);
    }

    [Fact]
    public void A_new_level_is_accepted_in_time()
    {
        var guard = new StepGuard(s_options with { MaxBadSteps = 100 },
            new StepGuardState { RecentLosses = [.. Enumerable.Repeat(1.0, 64)] });
        int skipped = 0;
        while (skipped < StepGuard.HistoryLength && guard.CheckLoss(5) is { } fault)
        {
            guard.Record(5, fault);
            skipped++;
        }
        Assert.InRange(skipped, 5, 8); // a tenth of the window
    }

    [Fact]
    public void Only_bad_steps_in_a_row_end_a_run()
    {
        var guard = new StepGuard(s_options);
        foreach (double loss in (double[])[double.NaN, double.PositiveInfinity, 2, double.NaN, double.NaN])
        {
            guard.Record(loss, guard.CheckLoss(loss));
            guard.ThrowIfTooManyBadSteps(1, isLast: false);
        }
        Assert.Equal((4, 2), (guard.State.SkippedSteps, guard.State.ConsecutiveSkips));
        guard.Record(double.NaN, guard.CheckLoss(double.NaN));
        var error = Assert.Throws<SkipwiseException>(() => guard.ThrowIfTooManyBadSteps(6, isLast: false));
        Assert.Contains("Step 6: the loss is NaN; training has diverged. Steps 4 to 6 were skipped, 5 in all",
            error.Message);
        Assert.Contains("TrainOptions.LearningRate", error.Message);
        Assert.Contains("TrainOptions.MaxBadSteps", error.Message);
    }

    [Fact]
    public void A_run_never_ends_on_a_loss_that_is_no_number()
    {
        var guard = new StepGuard(s_options);
        guard.Record(double.NaN, guard.CheckLoss(double.NaN));
        Assert.Throws<SkipwiseException>(() => guard.ThrowIfTooManyBadSteps(40, isLast: true));
    }

    /// <summary>A spike at the last step is borne; what came before does not make a loss that is no number one.</summary>
    [Fact]
    public void A_last_loss_that_is_no_number_is_no_spike_although_one_came_before()
    {
        var guard = new StepGuard(s_options, new StepGuardState { RecentLosses = [.. Enumerable.Repeat(1.0, 64)] });
        guard.Record(5, guard.CheckLoss(5));
        guard.ThrowIfTooManyBadSteps(39, isLast: true);
        guard.Record(double.NaN, guard.CheckLoss(double.NaN));
        Assert.Throws<SkipwiseException>(() => guard.ThrowIfTooManyBadSteps(40, isLast: true));
    }

    /// <summary>A run without the bad example's step takes the same path: skipping leaves weights, means and counts as they were.</summary>
    [Fact]
    public void A_skipped_step_leaves_everything_as_it_was()
    {
        using CausalLM skipping = TinyModel.Create(tied: true, initializerRange: 0.05),
            sound = TinyModel.Create(tied: true, initializerRange: 0.05);
        using FusedAdamW first = new(skipping, new()), second = new(sound, new());
        TrainOptions options = s_options with { Steps = 30, BatchSize = 1, LearningRateDecay = LearningRateDecay.Constant };
        int poisoned = 19; // a step, from 0
        var log = new List<StepMetrics>();
        var guard = new StepGuard(options);
        foreach (StepMetrics metrics in TrainLoop.Run(skipping, first, new Examples(leftOut: null), options, guard: guard))
        {
            log.Add(metrics);
            Scale(skipping, metrics.Step == poisoned ? 1000 : metrics.Step == poisoned + 1 ? 0.001 : 1);
        }
        StepMetrics[] without = [.. TrainLoop.Run(sound, second, new Examples(leftOut: poisoned), options with { Steps = 29 })];

        Assert.Equal([poisoned + 1], log.Where(metrics => metrics.Skipped is not null).Select(metrics => metrics.Step));
        Assert.Equal(1, guard.State.SkippedSteps);
        Assert.Equal(29, first.StepCount);
        Assert.Equal(without.Select(metrics => metrics.Loss), log.Where(metrics => metrics.Skipped is null).Select(metrics => metrics.Loss),
            (a, b) => Math.Abs(a - b) < 1e-4);
        foreach ((var expected, var actual) in sound.parameters().Zip(skipping.parameters()))
        {
            Assert.True(actual.allclose(expected, rtol: 1e-3, atol: 1e-5));
        }
    }

    private static void Scale(CausalLM model, double factor)
    {
        if (factor != 1)
        {
            using IDisposable _ = no_grad();
            model.named_parameters().First(p => p.name == "model.norm.weight").parameter.mul_(factor);
        }
    }

    /// <summary>Thirty examples, or twenty-nine.</summary>
    private sealed class Examples(int? leftOut) : IExampleSource
    {
        private readonly RandomExamples _examples = new(30, 12, 12);

        public int Count => leftOut is null ? 30 : 29;

        public TrainingExample this[int epoch, int index] => _examples[0, index >= leftOut ? index + 1 : index];
    }
}
