namespace Skipwise.Cli.Display;

/// <summary>Progress for pipes and logs: the first status, one every few seconds, and the last.</summary>
internal sealed class LineView(TextWriter output, TimeProvider clock, TimeSpan interval, Func<string, string> shown) : IProgressView
{
    private long? _written;
    private string? _waiting;

    public void Begin(string title)
    {
        End();
        output.WriteLine(shown(title));
    }

    public void Update(double share, string status)
    {
        _waiting = status;
        if (_written is not { } time || clock.GetElapsedTime(time) >= interval)
        {
            Flush();
            _written = clock.GetTimestamp();
        }
    }

    public void End()
    {
        Flush();
        _written = null;
    }

    private void Flush()
    {
        if (_waiting is not null)
        {
            output.WriteLine("  " + shown(_waiting));
            _waiting = null;
        }
    }
}
