using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Skipwise.Cli;

/// <summary>
/// Ends the program on Ctrl+C, SIGTERM and SIGHUP (its terminal is gone). The command's token is cancelled, so that it can clean up. The
/// process exits at a second Ctrl+C, or if that takes too long (a moment, or the time of saving if there is something to save): files on
/// the disk are complete at any time.
/// </summary>
internal sealed class Interruption : IDisposable
{
    private static readonly TimeSpan s_moment = TimeSpan.FromSeconds(2), s_timeToSave = TimeSpan.FromMinutes(5),
        s_look = TimeSpan.FromMilliseconds(50);

    private readonly CancellationTokenSource _stop = new();
    private readonly IReadOnlyList<PosixSignalRegistration> _signals;
    private readonly Action _end;
    private readonly Func<TimeSpan, Task> _wait;
    private TimeSpan _patience = s_moment;
    private int _asked;

    /// <summary>Listens to the signals of this process.</summary>
    public Interruption() : this(EndProcess, Task.Delay)
    {
        PosixSignal[] signals = [PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP];
        _signals = [.. signals.Select(signal => PosixSignalRegistration.Create(signal, Heard))];
    }

    /// <param name="end">ends the process at once</param>
    /// <param name="wait">lets time pass</param>
    internal Interruption(Action end, Func<TimeSpan, Task> wait) => (_end, _wait, _signals) = (end, wait, []);

    /// <summary>Cancelled at the first signal.</summary>
    public CancellationToken Token => _stop.Token;

    /// <summary>From now on there is a run to save: a large model takes its time to reach the disk.</summary>
    public void GiveTimeToSave() => _patience = s_timeToSave;

    /// <summary>What a signal does.</summary>
    public void OnSignal(PosixSignal signal)
    {
        if (Interlocked.Increment(ref _asked) == 1)
        {
            _ = Task.Run(_stop.Cancel); // what is called back may take long
            _ = Task.Run(EndWhenPatienceEnds);
        }
        else if (signal == PosixSignal.SIGINT) // a service manager may send several of the others for one wish
        {
            _end();
        }
    }

    public void Dispose()
    {
        foreach (PosixSignalRegistration signal in _signals)
        {
            signal.Dispose();
        }
        _stop.Dispose();
    }

    private void Heard(PosixSignalContext context)
    {
        context.Cancel = true; // not at once
        OnSignal(context.Signal);
    }

    private async Task EndWhenPatienceEnds()
    {
        for (TimeSpan waited = TimeSpan.Zero; waited < _patience; waited += s_look) // a run may begin meanwhile
        {
            await _wait(s_look);
        }
        _end();
    }

    /// <summary>Without what .NET and libtorch do at a process's end, which waits for threads that compute.</summary>
    private static void EndProcess()
    {
        if (!Console.IsOutputRedirected)
        {
            Console.Write("\u001b[?25h"); // a progress bar hides the cursor
        }
        if (OperatingSystem.IsWindows())
        {
            using var self = Process.GetCurrentProcess();
            self.Kill();
        }
        _exit(ExitCode.Cancelled);
    }

    [DllImport("libc")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern void _exit(int status);
}
