using Spectre.Console;

namespace Skipwise.Cli;

/// <summary>Where a verb reads and writes. Results go to the output, progress and errors to the error stream, so that results can be piped.</summary>
internal sealed class Terminal
{
    // Wide enough for paths: redirected output has no edge to wrap at.
    private const int RedirectedWidth = 160;

    public Terminal(TextReader input, TextWriter output, TextWriter error, bool isInteractive = false)
    {
        (Input, Output, Error, IsInteractive) = (input, output, error, isInteractive);
        Screen = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(output) });
        if (Console.IsOutputRedirected || !ReferenceEquals(output, Console.Out))
        {
            Screen.Profile.Width = RedirectedWidth;
        }
    }

    public TextReader Input { get; }
    public TextWriter Output { get; }
    public TextWriter Error { get; }

    /// <summary>Whether a person watches the error stream, so that a line may be rewritten.</summary>
    public bool IsInteractive { get; }

    /// <summary>The output, for tables.</summary>
    public IAnsiConsole Screen { get; }

    public static Terminal OfProcess() =>
        new(Console.In, Console.Out, Console.Error, !Console.IsErrorRedirected && Environment.GetEnvironmentVariable("TERM") is not ("dumb" or null));

    /// <summary>One line of the result.</summary>
    public void Line(string text = "") => Output.WriteLine(text);

    /// <summary>One line about what happens, no part of the result.</summary>
    public void Note(string text) => Error.WriteLine(text);
}
