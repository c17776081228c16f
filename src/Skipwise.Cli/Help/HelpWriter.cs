namespace Skipwise.Cli.Help;

/// <summary>Sections of two columns, wrapped at blanks.</summary>
/// <param name="width">columns of the page</param>
/// <param name="indent">columns before the first column of a section</param>
/// <param name="gap">columns between the two</param>
/// <param name="narrowest">with less room than this beside it, the second column goes below the first</param>
internal sealed class HelpWriter(TextWriter output, int width, int indent, int gap, int narrowest)
{
    private const int WidestName = 34;

    /// <summary>A line as it is: an example is copied whole.</summary>
    public void Line(string text = "") => output.WriteLine(text);

    /// <summary>A paragraph.</summary>
    public void Text(string text)
    {
        foreach (string line in Wrapped(text, width))
        {
            output.WriteLine(line);
        }
    }

    /// <summary>A heading and its rows; nothing without rows.</summary>
    public void Section(string heading, IReadOnlyList<(string Name, string Text)> rows)
    {
        if (rows.Count == 0)
        {
            return;
        }
        output.WriteLine(heading);
        int names = Math.Min(WidestName, rows.Max(row => row.Name.Length));
        int column = indent + names + gap;
        bool beside = width - column >= narrowest;
        int start = beside ? column : 2 * indent;
        foreach ((string name, string text) in rows)
        {
            string margin = new(' ', start);
            string[] lines = [.. Wrapped(text, width == int.MaxValue ? width : Math.Max(1, width - start))];
            string first = new string(' ', indent) + name;
            bool sharesLine = beside && first.Length <= start - gap && lines.Length > 0;
            output.WriteLine(sharesLine ? first.PadRight(start) + lines[0] : first);
            foreach (string line in lines.Skip(sharesLine ? 1 : 0))
            {
                output.WriteLine(margin + line);
            }
        }
        output.WriteLine();
    }

    private static IEnumerable<string> Wrapped(string text, int width)
    {
        string line = "";
        foreach (string word in text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (line.Length > 0 && line.Length + 1 + word.Length > width)
            {
                yield return line;
                line = "";
            }
            line += line.Length > 0 ? $" {word}" : word;
        }
        if (line.Length > 0)
        {
            yield return line;
        }
    }
}
