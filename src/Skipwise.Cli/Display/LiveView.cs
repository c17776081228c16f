using Spectre.Console;

namespace Skipwise.Cli.Display;

/// <summary>Progress on a terminal: a title per stage, and one bar with the status of the stage at work. The last status stays behind as a
/// line.</summary>
internal sealed class LiveView(IAnsiConsole terminal, ProgressContext context, Func<string, string> shown) : IProgressView
{
    private ProgressTask? _bar;
    private string? _status;

    public void Begin(string title)
    {
        End();
        terminal.WriteLine(shown(title)); // appears above the bar
    }

    public void Update(double share, string status)
    {
        status = shown(status);
        _bar ??= context.AddTask(Markup.Escape(status), maxValue: 1);
        _bar.IsIndeterminate = double.IsNaN(share);
        _bar.Value = double.IsNaN(share) ? 0 : Math.Min(share, 0.9999); // a full bar counts as finished and is hidden
        _bar.Description = Markup.Escape(status);
        _status = status;
    }

    public void End()
    {
        if (_bar is null)
        {
            return;
        }
        _bar.Value = 1;
        _bar.StopTask();
        _bar = null;
        context.Refresh();
        terminal.WriteLine("  " + _status);
    }
}
