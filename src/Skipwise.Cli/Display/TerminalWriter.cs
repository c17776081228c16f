using System.Text;

namespace Skipwise.Cli.Display;

/// <summary>
/// Writes to a terminal for as long as there is one: a run goes on, and saves, when the window or the connection it was started from is
/// gone.
/// </summary>
internal sealed class TerminalWriter(TextWriter terminal) : TextWriter
{
    private bool _isGone;

    public override Encoding Encoding => terminal.Encoding;

    public override void Write(char value) => Try(() => terminal.Write(value));

    public override void Write(char[] buffer, int index, int count) => Try(() => terminal.Write(buffer, index, count));

    public override void Write(string? value) => Try(() => terminal.Write(value));

    public override void Flush() => Try(terminal.Flush);

    private void Try(Action write)
    {
        try
        {
            if (!_isGone)
            {
                write();
            }
        }
        catch (IOException)
        {
            _isGone = true;
        }
    }
}
