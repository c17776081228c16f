using Skipwise.Cli.Display;
using Skipwise.Evaluation;
using Skipwise.TokenStores;
using Skipwise.Training;
using Spectre.Console.Testing;

namespace Skipwise.Tests.Cli.Display;

public sealed class ProgressDisplayTests : IDisposable
{
    private readonly ManualClock _clock = new();
    private readonly StringWriter _log = new() { NewLine = "\n" };

    public void Dispose() => _log.Dispose();

    [Fact]
    public void Piped_training_writes_the_first_step_one_line_per_interval_and_the_last()
    {
        var view = new LineView(_log, _clock, TimeSpan.FromSeconds(5), text => text);
        var display = new ProgressDisplay(view, _clock);
        display.Stage.Report("fine-tuning by PoSE");
        IProgress<StepMetrics> training = display.Training(200);
        for (int step = 1; step <= 10; step++)
        {
            training.Report(Step(step, 3 - (0.1 * step)));
            _clock.Advance(2);
        }
        view.End();
        Assert.Equal("""
            fine-tuning by PoSE
              step   1/200  loss 2.900  8125 tok/s  lr 2.0e-3
              step   4/200  loss 2.600  6:32 left  8125 tok/s  lr 2.0e-3
              step   7/200  loss 2.300  6:26 left  8125 tok/s  lr 2.0e-3
              step  10/200  loss 2.000  6:20 left  8125 tok/s  lr 2.0e-3

            """.ReplaceLineEndings("\n"), _log.ToString());
    }

    [Fact]
    public void A_new_stage_closes_the_one_before_with_its_last_status()
    {
        var view = new LineView(_log, _clock, TimeSpan.FromSeconds(5), text => text);
        var display = new ProgressDisplay(view, _clock);
        display.Stage.Report("measuring");
        display.Evaluation.Report(new EvaluationProgress("perplexity", 256, 0, 1000));
        display.Evaluation.Report(new EvaluationProgress("perplexity", 2048, 1000, 1000));
        display.Stage.Report("writing");
        display.Tokenizing.Report(new TokenizationProgress(12, 3400, 15_000_000));
        view.End();
        view.End();
        Assert.Equal(
            "measuring\n  perplexity at 256 tokens  0 %\n  perplexity at 2048 tokens  100 %\nwriting\n  12 documents  3400 tokens  15.0 " +
            "MB\n", _log.ToString());
    }

    [Fact]
    public void The_first_status_of_a_stage_does_not_wait_for_the_interval()
    {
        var view = new LineView(_log, _clock, TimeSpan.FromSeconds(5), text => text);
        foreach (string stage in (string[])["one", "two"])
        {
            view.Begin(stage);
            view.Update(0.1, "first");
            view.Update(0.2, "second");
            view.Update(0.3, "last");
        }
        view.End();
        Assert.Equal("one\n  first\n  last\ntwo\n  first\n  last\n", _log.ToString());
    }

    [Fact]
    public void Another_task_gets_its_own_pace()
    {
        var view = new LineView(_log, _clock, TimeSpan.Zero, text => text);
        var display = new ProgressDisplay(view, _clock);
        display.Evaluation.Report(new EvaluationProgress("perplexity", 256, 0, 100));
        _clock.Advance(50);
        display.Evaluation.Report(new EvaluationProgress("perplexity", 256, 50, 100));
        display.Evaluation.Report(new EvaluationProgress("passkey", 256, 30, 50));
        _clock.Advance(2);
        display.Evaluation.Report(new EvaluationProgress("passkey", 256, 40, 50));
        Assert.Equal(
            ["  perplexity at 256 tokens  0 %", "  perplexity at 256 tokens  50 %  0:50 left", "  passkey at 256 tokens  60 %",
                "  passkey at 256 tokens  80 %  0:02 left"],
            _log.ToString().TrimEnd('\n').Split('\n'));
    }

    [Fact]
    public void A_piped_run_keeps_progress_out_of_the_results()
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var screen = new Screen(new TestConsole(), output, error);
        Assert.False(screen.Interactive);
        int result = ProgressDisplay.Run(screen, display =>
        {
            display.Stage.Report("training");
            display.Training(2).Report(Step(1, 2));
            return 7;
        });
        screen.Line("done");
        Assert.Equal(7, result);
        Assert.Equal("done\n", output.ToString().ReplaceLineEndings("\n"));
        Assert.Equal("training\n  step 1/2  loss 2.000  8125 tok/s  lr 2.0e-3\n", error.ToString().ReplaceLineEndings("\n"));
    }

    [Theory]
    [InlineData(80)]
    [InlineData(40)]
    public void A_terminal_shows_the_stage_a_bar_and_what_it_ended_with(int width)
    {
        var console = new TestConsole().Interactive().Width(width);
        var screen = new Screen(console, TextWriter.Null, TextWriter.Null);
        Assert.True(screen.Interactive);
        ProgressDisplay.Run(screen, display =>
        {
            display.Stage.Report("training [red]model[/]"); // brackets are no markup here
            IProgress<StepMetrics> training = display.Training(2);
            training.Report(Step(1, 2.5));
            training.Report(Step(2, double.NaN));
            display.Stage.Report("measuring");
            display.Tokenizing.Report(new TokenizationProgress(1, 2, 3));
            return 0;
        });
        string shown = console.Output.ReplaceLineEndings("\n");
        Assert.Contains("training [red]model[/]", shown);
        Assert.Contains("step 2/2  loss NaN", shown);
        Assert.Contains("1 documents  2 tokens", shown);
        Assert.True(shown.IndexOf("step 2/2", StringComparison.Ordinal) < shown.IndexOf("measuring", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_the_work_throws_comes_through(bool interactive)
    {
        var console = new TestConsole();
        console.Profile.Capabilities.Interactive = interactive;
        var screen = new Screen(console, TextWriter.Null, TextWriter.Null);
        var thrown =
            Assert.Throws<SkipwiseException>(() =>
                ProgressDisplay.Run<int>(screen, _ => throw new SkipwiseException("loss is NaN at step 3")));
        Assert.Equal("loss is NaN at step 3", thrown.Message);
    }

    private static StepMetrics Step(int step, double loss) => new(step, loss, 2e-3, 1, 4096, 8125.4, 0.1, 40);
}
