using System.Diagnostics;
using System.Runtime.InteropServices;
using Skipwise.Cli;
using Skipwise.Cli.Display;

namespace Skipwise.Tests.Cli;

public sealed class InterruptionTests(SmallModel model) : IClassFixture<SmallModel>
{
    /// <summary>From the terminal that is closed, from a service manager, from the keyboard: the run is saved.</summary>
    [Theory]
    [InlineData("HUP"), InlineData("TERM"), InlineData("INT")]
    public void A_signal_saves_the_run(string signal)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "signals are of Unix");
        string folder = model.Path($"run-{signal}");
        var start = new ProcessStartInfo("dotnet",
        [
            Path.Combine(AppContext.BaseDirectory, "skipwise.dll"), "train", "--model", model.Folder, "--data", model.Text,
            "--target-length", "256", "--out", folder, "--steps", "1000000", "--batch-size", "1", "--save-every", "0", "--threads", "1",
        ])
        { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process run = Process.Start(start)!;
        string log = Path.Combine(folder, "metrics.jsonl");
        Assert.True(SpinWait.SpinUntil(() => run.HasExited || (File.Exists(log) && new FileInfo(log).Length > 0), ChildProcess.Limit));
        using (Process.Start("kill", [$"-{signal}", $"{run.Id}"])) { }
        Assert.True(ChildProcess.End(run, ChildProcess.Limit));
        Assert.Equal(130, run.ExitCode);
        Assert.Single(Directory.GetDirectories(Path.Combine(folder, "checkpoints")));
        Assert.Empty(Directory.GetFiles(folder, "run.lock"));
    }

    /// <summary>Whatever a verb does, it ends soon after it is asked to.</summary>
    [Theory]
    [InlineData("eval passkey -m {model} --trials 5000 -l 128"), InlineData("eval perplexity -m {model} -d {long} --max-total-tokens 0")]
    [InlineData("eval needle -m {model} --trials 2000 -l 256"), InlineData("eval ruler -m {model} --samples 2000 -l 1024 --tasks vt")]
    [InlineData("eval all -m {model} -o {out} --trials 5000 -l 128"), InlineData("prepare -m {model} -d {long} -o {out}.tokens")]
    [InlineData("train -m {model} -d {long} -t 256 -o {out} --steps 1000000 --batch-size 1")]
    [InlineData("demo -o {out}"), InlineData("pretrain -o {out}")]
    [InlineData("generate -m {model}")] // waits for its input
    public void No_verb_outlives_SIGTERM_by_more_than_seconds(string line)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "signals are of Unix");
        string text = model.Path("long.jsonl");
        if (!File.Exists(text))
        {
            File.WriteAllLines(text, Enumerable.Repeat(File.ReadAllLines(model.Text), 2000).SelectMany(lines => lines));
        }
        string folder = model.Path($"out-{Guid.NewGuid():n}");
        using Process run = Process.Start(ToolProcess.Start([.. line.Split(' ')
            .Select(word => word.Replace("{model}", model.Folder, StringComparison.Ordinal)
                .Replace("{long}", text, StringComparison.Ordinal).Replace("{out}", folder, StringComparison.Ordinal))]))!;
        if (line.StartsWith("generate", StringComparison.Ordinal))
        {
            Assert.False(run.WaitForExit(TimeSpan.FromSeconds(3)));
        }
        else
        {
            Assert.NotNull(run.StandardError.ReadLine()); // at work
        }
        _ = run.StandardError.ReadToEndAsync();
        _ = run.StandardOutput.ReadToEndAsync();
        var clock = Stopwatch.StartNew();
        ToolProcess.Signal(run, "TERM");
        Assert.True(ChildProcess.End(run, ChildProcess.Limit));
        Assert.True(run.ExitCode == 130, $"exit code {run.ExitCode}");
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 30); // two, and what a busy machine adds
    }

    /// <summary>A step that takes hours is discarded, whether its windows are drawn or it computes.</summary>
    [Theory]
    [InlineData("64", "65536"), InlineData("512", "64")]
    public async Task A_long_step_does_not_hold_a_stopped_run(string batch, string accumulation)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "signals are of Unix");
        string folder = model.Path($"long-step-{batch}");
        using Process run = Process.Start(ToolProcess.Start("train", "-m", model.Folder, "-d", model.Text, "-t", "256", "-o",
            folder, "--steps", "2", "--batch-size", batch, "--gradient-accumulation", accumulation, "--threads", "1"))!;
        string? line;
        do
        {
            line = await run.StandardError.ReadLineAsync(TestContext.Current.CancellationToken);
        }
        while (line is not null && !line.StartsWith("trains ", StringComparison.Ordinal));
        Assert.NotNull(line);
        Task<string> said = run.StandardError.ReadToEndAsync();
        Assert.False(run.WaitForExit(TimeSpan.FromSeconds(2)));
        var clock = Stopwatch.StartNew();
        ToolProcess.Signal(run, "INT");
        Assert.True(ChildProcess.End(run, ChildProcess.Limit));
        Assert.Equal(130, run.ExitCode);
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 20); // a layer, on a busy machine too
        Assert.Contains("stopped within the first step", await said, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateDirectories(folder, "step-*", SearchOption.AllDirectories));
    }

    [Theory]
    [InlineData(false, 2), InlineData(true, 300)]
    public async Task The_first_signal_asks_and_then_patience_ends(bool isRun, double seconds)
    {
        var ended = new TaskCompletionSource();
        TimeSpan waited = TimeSpan.Zero;
        using var interruption = new Interruption(ended.SetResult, time =>
        {
            waited += time;
            return Task.CompletedTask;
        });
        if (isRun)
        {
            interruption.GiveTimeToSave();
        }
        interruption.OnSignal(PosixSignal.SIGTERM);
        await ended.Task.WaitAsync(ChildProcess.Limit);
        Assert.Equal(seconds, waited.TotalSeconds, 1e-9);
        Assert.True(SpinWait.SpinUntil(() => interruption.Token.IsCancellationRequested, ChildProcess.Limit));
    }

    [Fact]
    public void A_second_Ctrl_C_ends_at_once()
    {
        int ended = 0;
        using var interruption = new Interruption(() => ended++, _ => new TaskCompletionSource().Task);
        interruption.GiveTimeToSave();
        interruption.OnSignal(PosixSignal.SIGINT);
        interruption.OnSignal(PosixSignal.SIGHUP); // a service manager sends several for one wish
        interruption.OnSignal(PosixSignal.SIGTERM);
        Assert.Equal(0, ended);
        interruption.OnSignal(PosixSignal.SIGINT);
        Assert.Equal(1, ended);
    }

    /// <summary>Writing to a terminal that was closed is an error; the run goes on and saves.</summary>
    [Fact]
    public void A_terminal_that_is_gone_is_written_to_no_more()
    {
        using var lost = new LostTerminal();
        using var writer = new TerminalWriter(lost);
        writer.WriteLine("one");
        writer.Write('c');
        writer.Write("two");
        writer.Flush();
        Assert.Equal(1, lost.Tries);
    }

    private sealed class LostTerminal : StringWriter
    {
        public int Tries { get; private set; }

        public override void Write(char value) => Fail();

        public override void Write(char[] buffer, int index, int count) => Fail();

        public override void Write(string? value) => Fail();

        private void Fail()
        {
            Tries++;
            throw new IOException("Input/output error");
        }
    }
}
