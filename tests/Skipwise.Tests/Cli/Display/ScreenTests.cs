using Skipwise.Cli.Display;
using Skipwise.Evaluation.Passkey;
using Skipwise.Evaluation.Perplexity;
using Skipwise.Reports;
using Skipwise.Tests.Reports;
using Spectre.Console.Testing;

namespace Skipwise.Tests.Cli.Display;

public sealed class ScreenTests : IDisposable
{
    private readonly StringWriter _output = new() { NewLine = "\n" };
    private readonly StringWriter _error = new() { NewLine = "\n" };

    public void Dispose()
    {
        _output.Dispose();
        _error.Dispose();
    }

    [Fact]
    public void An_error_is_one_line_on_standard_error()
    {
        Piped().Error("config.json: unknown rope type \"yran\".\r\n  Known: yarn [x]\n");
        Assert.Equal("error: config.json: unknown rope type \"yran\". Known: yarn [x]\n", _error.ToString());
        Assert.Empty(_output.ToString());
    }

    [Fact]
    public void Codes_for_the_terminal_in_a_name_are_shown_and_do_nothing()
    {
        Screen screen = Piped();
        string name = "a\u001b[31mb\u009b2J\u007f\u202ec\r\b\u2066", shown = "a\\u001b[31mb\\u009b2J\\u007f\\u202ec\\u000d\\u0008\\u2066";
        screen.Line(name);
        screen.Table(new ResultTable(name, ["x"], [[name]]));
        Assert.Equal($"{shown}\n{shown}\nx\n{shown}\n", _output.ToString());
        screen.Note(name);
        screen.Error("a\u001b[0m\tb");
        Assert.Equal($"{shown}\nerror: a\\u001b[0m\tb\n", _error.ToString());
    }

    [Fact]
    public void A_generated_piece_is_harmless_on_a_terminal_and_exact_in_a_file()
    {
        Piped().Piece("a\u001b[2J");
        Assert.Equal("a\u001b[2J", _output.ToString());
        using var terminal = new TestConsole();
        terminal.Profile.Capabilities.Interactive = terminal.Profile.Capabilities.Ansi = true;
        using var seen = new StringWriter();
        new Screen(terminal, seen, _error).Piece("a\u001b[2J");
        Assert.Equal("a\\u001b[2J", seen.ToString());
    }

    [Fact]
    public void A_long_line_is_not_wrapped()
    {
        string line = "saved " + new string('x', 300);
        Piped().Line(line);
        Assert.Equal(line + "\n", _output.ToString());
    }

    [Fact]
    public void Piped_tables_are_aligned_plain_and_complete()
    {
        Piped().Table(ResultTables.Perplexity(
        [
            new PerplexityResult(256, 3.856, 0.1544, 1_536, 24),
            new PerplexityResult(16384, 127.4, null, 98_304, 1),
        ]));
        Assert.Equal("""
            Perplexity by window
            window  perplexity  ± s.e.  tokens  documents
            256           3.86    0.15    1536         24
            16384          127           98304          1

            """.ReplaceLineEndings("\n"), _output.ToString());
    }

    [Fact]
    public void Passkeys_come_with_counts_and_interval()
    {
        PasskeyTrial Trial(int i, bool right) => new(2048, i, 0.5, 12345, 2000, "", "", right);
        ResultTable table =
            ResultTables.Passkey([new PasskeyResult(2048, [Trial(0, true), Trial(1, true), Trial(2, false), Trial(3, true)])]);
        Assert.Equal(["2048", "3/4", "0.75", "0.30-0.95"], Assert.Single(table.Rows)); // Wilson's interval of 3 of 4: 0.3006..0.9544
    }

    [Fact]
    public void The_demo_has_a_row_per_variant_and_a_column_per_length()
    {
        DemoResults demo = SampleDemo.PoseWins;
        ResultTable passkey = ResultTables.Passkey(demo), perplexity = ResultTables.Perplexity(demo), bars = ResultTables.Bars(demo.Bars!);
        ResultTable[] tables = [passkey, perplexity, bars];
        Shown.Equal("demo-tables", string.Join("\n\n", tables.Select(table => string.Join('\n', table.Lines()))));
        Assert.All(tables, table => Assert.All(table.Lines(), line => Assert.True(line.Length <= 80, line)));
    }

    [Fact]
    public void A_terminal_gets_a_drawn_table_and_brackets_stay_text()
    {
        var console = new TestConsole().Interactive();
        new Screen(console, _output, _error).Table(new ResultTable("[b]title", ["", "a [x]"], [["[red]row", "1"]]));
        Assert.Contains("[b]title", console.Output);
        Assert.Contains("│ [red]row │     1 │", console.Output);
        Assert.Contains("╭", console.Output);
        Assert.Empty(_output.ToString());
    }

    private Screen Piped() => new(new TestConsole(), _output, _error);
}
