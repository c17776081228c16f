using Skipwise.Cli.Flags;
using Skipwise.Reports;
using Spectre.Console;

namespace Skipwise.Cli.Display;

/// <summary>
/// Where a verb writes. On a terminal: live bars and drawn tables. Piped: results as plain lines on standard output, progress as
/// plain lines on standard error, so that a file of results holds nothing else.
/// </summary>
/// <param name="terminal">draws what is live; only used when <see cref="Interactive"/></param>
/// <param name="output">results</param>
/// <param name="error">errors, and progress when piped</param>
internal sealed class Screen(IAnsiConsole terminal, TextWriter output, TextWriter error)
{
    /// <summary>The process's own console. On standard output that is a file, an error of writing is an error of the verb.</summary>
    public static Screen Console()
    {
        if (!System.Console.IsOutputRedirected)
        {
            System.Console.SetOut(new TerminalWriter(System.Console.Out));
        }
        if (!System.Console.IsErrorRedirected)
        {
            System.Console.SetError(new TerminalWriter(System.Console.Error));
        }
        return new(AnsiConsole.Console, System.Console.Out, System.Console.Error) { HasKeyboard = !System.Console.IsInputRedirected };
    }

    /// <summary>Of a rank that prints nothing but its own failure. The console is left alone, which writes to a terminal as it starts.
    /// </summary>
    public static Screen Muted()
    {
        var nothing = new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.No,
            Interactive = InteractionSupport.No,
            Out = new AnsiConsoleOutput(TextWriter.Null),
        };
        var error = new StreamWriter(System.Console.OpenStandardError()) { AutoFlush = true };
        return new(AnsiConsole.Create(nothing), TextWriter.Null, error) { IsMuted = true };
    }

    /// <summary>Called when a verb begins what it will save when it is asked to end.</summary>
    internal Action RunBegins { get; set; } = () => { };

    /// <summary>How the running command's user calls what texts of the library name by properties. All of them pass here on their way to
    /// the user.</summary>
    internal FlagNames Flags { get; set; } = FlagNames.None;

    /// <summary>The processes of this job.</summary>
    internal Ranks Ranks { get; set; } = Ranks.None;

    /// <summary>Nothing is written at all, nor are results: rank 0 does.</summary>
    public bool IsMuted { get; set; }

    /// <summary>A person looks on: standard output is a terminal that can redraw.</summary>
    public bool Interactive => Terminal.Profile.Capabilities is { Interactive: true, Ansi: true }
        && !IsForPrograms && !IsMuted && !Ranks.AreSeveral; // a launcher shows what comes from a rank line by line

    /// <summary>The standard input is a terminal.</summary>
    public bool HasKeyboard { get; init; }

    /// <summary>Neither progress nor notes are shown.</summary>
    public bool IsQuiet { get; set; }

    /// <summary>Standard output is one JSON document.</summary>
    public bool IsForPrograms { get; set; }

    internal IAnsiConsole Terminal { get; } = terminal;

    /// <summary>where results go</summary>
    internal TextWriter Output => IsMuted ? TextWriter.Null : output;

    /// <summary>A piece of text that comes in pieces: as it is for a file or a pipe, harmless for a terminal.</summary>
    public void Piece(string text)
    {
        Output.Write(Interactive ? Printable.Of(text) : text);
        Output.Flush();
    }

    /// <summary>where errors go</summary>
    internal TextWriter ErrorOutput => IsMuted ? TextWriter.Null : error;

    /// <summary>A line of the result. It is never wrapped, so a path or a command can be copied whole.</summary>
    public void Line(string text = "") => Output.WriteLine(Shown(text));

    /// <summary>A line of the result that people need also if standard output is a program's.</summary>
    public void Verdict(string text) => (IsForPrograms ? ErrorOutput : Output).WriteLine(Shown(text));

    /// <summary>What results say, then the numbers, then the rest.</summary>
    public void Summary(ReportSummary summary, params IReadOnlyList<ResultTable> tables)
    {
        Lines(summary.Lead);
        Line();
        foreach (ResultTable table in tables)
        {
            Table(table);
            Line();
        }
        Lines(summary.Others.Select(sentence => $"* {sentence}"));
        Line();
    }

    /// <summary>Names and values, the values below one another.</summary>
    public void Facts(params IReadOnlyList<(string Name, string Value)> facts)
    {
        int column = facts.Max(fact => fact.Name.Length);
        Lines(facts.Select(fact => $"{fact.Name.PadRight(column)}  {fact.Value}"));
    }

    /// <summary>A line about what is going on, no part of the result. Of those a quiet screen shows warnings.</summary>
    public void Note(string text)
    {
        if (!IsQuiet || text.StartsWith("warning: ", StringComparison.Ordinal))
        {
            (Interactive ? Output : ErrorOutput).WriteLine(Shown(text));
        }
    }

    /// <summary>As <see cref="Note"/>, for a recipe.</summary>
    public IProgress<string> Notes => new SynchronousProgress<string>(Note);

    /// <summary><c>error: message</c>, one line, on standard error.</summary>
    /// <returns>the line</returns>
    public string Error(string message)
    {
        string line = "error: " + Shown(OneLine(message));
        ErrorOutput.WriteLine(line);
        return line;
    }

    /// <summary>A table: drawn on a terminal, aligned columns without frames when piped.</summary>
    public void Table(ResultTable table)
    {
        table = table.With(Flags.In);
        if (Interactive)
        {
            Terminal.Write(table.Drawn());
            return;
        }
        foreach (string line in table.Lines())
        {
            Output.WriteLine(Printable.Of(line));
        }
    }

    /// <summary>A text as it is shown: with flags in place of properties, and harmless for a terminal.</summary>
    internal string Shown(string text) => Printable.Of(Flags.In(text));

    internal LineView Lines(TimeSpan interval) => new(ErrorOutput, TimeProvider.System, interval, Shown);

    private void Lines(IEnumerable<string> lines)
    {
        foreach (string line in lines)
        {
            Line(line);
        }
    }

    private static string OneLine(string text) =>
        string.Join(' ', text.Split(['\r', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
}
