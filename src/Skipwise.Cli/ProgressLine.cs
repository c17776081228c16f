using System.Diagnostics;

namespace Skipwise.Cli;

/// <summary>How far something is: one line that is rewritten before a person's eyes, and a line now and then when piped into a file.</summary>
internal sealed class ProgressLine(Terminal terminal) : IDisposable
{
    private static readonly TimeSpan s_rewrite = TimeSpan.FromSeconds(0.1), s_line = TimeSpan.FromSeconds(10);
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private TimeSpan _next = TimeSpan.Zero;
    private int _width;

    /// <summary>Time since the work began.</summary>
    public TimeSpan Elapsed => _clock.Elapsed;

    /// <param name="text">made only if it is shown</param>
    /// <param name="always">shown however recently the last one was: the first and the last state</param>
    public void Show(Func<string> text, bool always = false)
    {
        if (_clock.Elapsed < _next && !always)
        {
            return;
        }
        _next = _clock.Elapsed + (terminal.IsInteractive ? s_rewrite : s_line);
        string line = text();
        if (terminal.IsInteractive)
        {
            terminal.Error.Write("\r" + line.PadRight(_width));
            terminal.Error.Flush();
            _width = line.Length;
        }
        else
        {
            terminal.Error.WriteLine(line);
        }
    }

    /// <summary>"12s", "3m 20s", "1h 05m"; of work whose share <paramref name="done"/> is behind.</summary>
    public string TimeLeft(double done) => done <= 0 ? "?" : Duration(_clock.Elapsed * ((1 - done) / done));

    public static string Duration(TimeSpan time) =>
        time.TotalHours >= 1 ? $"{(int)time.TotalHours}h {time.Minutes:00}m"
        : time.TotalMinutes >= 1 ? $"{time.Minutes}m {time.Seconds:00}s"
        : $"{(int)time.TotalSeconds}s";

    /// <summary>Leaves the last state standing.</summary>
    public void Dispose()
    {
        if (terminal.IsInteractive && _width > 0)
        {
            terminal.Error.WriteLine();
        }
    }
}
