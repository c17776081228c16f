using Spectre.Console;

namespace Skipwise.Cli.Display;

/// <summary>Rows of text under a header; the first column names the row and stands left, numbers stand right.</summary>
/// <param name="Title">what the numbers are</param>
/// <param name="Header">one name per column</param>
/// <param name="Rows">as many cells each as the header</param>
/// <param name="Prose">the columns hold words, not numbers: all stand left</param>
internal sealed record ResultTable(string Title, IReadOnlyList<string> Header, IReadOnlyList<IReadOnlyList<string>> Rows,
    bool Prose = false)
{
    /// <summary>Plain lines, columns two blanks apart, never wrapped: for pipes, logs and narrow screens.</summary>
    public IEnumerable<string> Lines()
    {
        IReadOnlyList<string>[] all = [Header, .. Rows];
        int[] widths = [.. Enumerable.Range(0, Header.Count).Select(column => all.Max(row => row[column].Length))];
        yield return Title;
        foreach (IReadOnlyList<string> row in all)
        {
            yield return string.Join("  ", row.Select((cell, i) => i == 0 || Prose ? cell.PadRight(widths[i]) : cell.PadLeft(widths[i])))
                .TrimEnd();
        }
    }

    /// <summary>The table with other texts.</summary>
    internal ResultTable With(Func<string, string> text) =>
        this with { Title = text(Title), Header = [.. Header.Select(text)], Rows = [.. Rows.Select(row => row.Select(text).ToArray())] };

    /// <summary>The same for a terminal.</summary>
    internal Table Drawn()
    {
        // Text, not markup: a bracket in a model's name is a bracket.
        Table table = new Table().Border(TableBorder.Rounded).Title(new TableTitle(Markup.Escape(Printable.Of(Title))));
        for (int i = 0; i < Header.Count; i++)
        {
            var column = new TableColumn(new Spectre.Console.Text(Printable.Of(Header[i])))
            {
                Alignment = i == 0 || Prose ? Justify.Left : Justify.Right,
            };
            table.AddColumn(column);
        }
        foreach (IReadOnlyList<string> row in Rows)
        {
            table.AddRow(row.Select(cell => new Spectre.Console.Text(Printable.Of(cell))));
        }
        return table;
    }
}
