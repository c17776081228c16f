using Skipwise.Evaluation;
using Spectre.Console;

namespace Skipwise.Cli;

/// <summary>A measurement as a person follows it, and tables of results.</summary>
internal sealed class EvaluationView(Terminal terminal) : IProgress<EvaluationProgress>, IDisposable
{
    private readonly ProgressLine _line = new(terminal);

    public void Report(EvaluationProgress value)
    {
        double done = (double)value.Done / value.Total;
        _line.Show(() => $"{value.Task}: {done:P0}  length {value.Length}  {value.Done / _line.Elapsed.TotalSeconds:F0} tokens/s  {_line.TimeLeft(done)} left", always: done >= 1);
    }

    public void Dispose() => _line.Dispose();

    /// <summary>A plain table: numbers to the right, texts to the left.</summary>
    public static Table Table(params string[] columns)
    {
        var table = new Table { Border = TableBorder.Simple };
        foreach (string column in columns)
        {
            table.AddColumn(new TableColumn(Markup.Escape(column.TrimStart('<'))) { NoWrap = true, Alignment = column.StartsWith('<') ? Justify.Left : Justify.Right });
        }
        return table;
    }

    public static void Row(Table table, params string[] cells) => table.AddRow([.. cells.Select(Markup.Escape)]);
}
