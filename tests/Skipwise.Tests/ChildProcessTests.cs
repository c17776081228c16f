using System.Diagnostics;

namespace Skipwise.Tests;

/// <summary>The tests' own way to start processes must not hang: these are shells that would make it.</summary>
public sealed class ChildProcessTests
{
    private static ProcessStartInfo Shell(string script)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "the scripts are for a POSIX shell");
        return new("/bin/sh", ["-c", script]);
    }

    [Fact]
    public void What_it_said_and_how_it_ended_come_back() =>
        Assert.Equal((3, "out\n", "err\n"), ChildProcess.Run(Shell("echo out; echo err >&2; exit 3")));

    [Fact]
    public void One_that_does_not_end_is_killed_with_its_children()
    {
        using var folder = new TempFolder();
        var clock = Stopwatch.StartNew();
        Assert.Null(ChildProcess.TryRun(Shell($"sleep 300 & echo $! > {folder["child"]}; wait"), TimeSpan.FromSeconds(5)));
        Assert.InRange(clock.Elapsed.TotalSeconds, 5, 60);
        int child = int.Parse(File.ReadAllText(folder["child"]));
        Assert.True(SpinWait.SpinUntil(() => !Lives(child), 20_000), "the child lives on");
    }

    private static bool Lives(int process)
    {
        try
        {
            return !File.ReadAllText($"/proc/{process}/stat").Contains(") Z", StringComparison.Ordinal);
        }
        catch (IOException) // it has gone, perhaps while it was read
        {
            return false;
        }
    }

    [Fact]
    public void A_helper_that_outlives_it_and_holds_its_pipes_does_not_keep_us()
    {
        var clock = Stopwatch.StartNew();
        Assert.Equal((0, "out\n", ""), ChildProcess.Run(Shell("sleep 40 & echo out")));
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 35);
    }
}
