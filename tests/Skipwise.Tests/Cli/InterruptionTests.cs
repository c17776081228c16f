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
