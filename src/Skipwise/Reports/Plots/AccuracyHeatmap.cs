using ScottPlot;
using ScottPlot.TickGenerators;

namespace Skipwise.Reports.Plots;

/// <summary>Heat maps of accuracies, 0..1, from dark for 0 to bright for 1 (viridis), with the value in each cell.</summary>
internal static class AccuracyHeatmap
{
    private static readonly ScottPlot.Colormaps.Viridis s_colors = new();

    /// <summary>A heat map of model by length.</summary>
    /// <param name="whole">the largest value: 1, or 100 for percentages</param>
    public static Figure ByModel(string title, IReadOnlyList<LengthPoint> points, int trainLength, ModelLegend legend, double whole = 1)
    {
        string[] rows = [.. legend.Ordered(points.Select(p => p.Series))];
        return new($"{title} by model and prompt length", look =>
            Draw(look, points.Select(p => new Cell(Array.IndexOf(rows, p.Series), p.Length, p.Value)),
                [.. rows.Select(series => look.IsNarrow ? Shortened(series) : legend.Label(series))], "", trainLength, whole),
                look => Height(look, rows.Length));
    }

    /// <summary>A heat map of depth by length for one model. Depths are grouped into <paramref name="rows"/> equal bands, down to the
    /// deepest.</summary>
    public static Figure ByDepth(string title, IEnumerable<DepthTrial> trials, string series, int trainLength, ModelLegend legend,
        int rows = 5)
    {
        DepthTrial[] own = [.. trials.Where(t => t.Series == series)];
        double deepest = Math.Max(0.1, Math.Ceiling(own.Max(t => t.Depth) * 10) / 10);
        Cell[] cells =
        [
            .. own
                .GroupBy(t => (Row: Math.Min(rows - 1, (int)(t.Depth / deepest * rows)), t.Length))
                .Select(g => new Cell(g.Key.Row, g.Key.Length, g.Average(t => t.Score))),
        ];
        string[] bands =
        [
            .. Enumerable.Range(0, rows)
                .Select(r => FormattableString.Invariant($"{100 * deepest * r / rows:0}–{100 * deepest * (r + 1) / rows:0} %")),
        ];
        return new($"{title} by depth and prompt length: {legend.Label(series)}", look =>
            Draw(look, cells, bands, "depth", trainLength), look => Height(look, rows));
    }

    /// <summary>A heat map of depth by length for one model, evaluated at the same depths for every length.</summary>
    /// <param name="cells">depths 0..1, accuracies 0..1</param>
    public static Figure Grid(string title, IReadOnlyList<(int Length, double Depth, double Share)> cells, int trainLength)
    {
        double[] depths = [.. cells.Select(cell => cell.Depth).Distinct().Order()];
        return new($"{title}: by depth and prompt length", look =>
            Draw(look, cells.Select(cell => new Cell(Array.IndexOf(depths, cell.Depth), cell.Length, cell.Share)),
                [.. depths.Select(depth => FormattableString.Invariant($"{100 * depth:0.#} %"))], "depth", trainLength),
            look => Height(look, depths.Length));
    }

    private static Plot Draw(PlotLook look, IEnumerable<Cell> cells, string[] rows, string rowTitle, int trainLength, double whole = 1)
    {
        Plot plot = look.NewPlot("prompt (tokens)", rowTitle);
        Cell[] all = [.. cells];
        int[] lengths = [.. all.Select(c => c.Length).Distinct().Order()];
        foreach (Cell cell in all)
        {
            AddCell(plot, look, Array.IndexOf(lengths, cell.Length), -cell.Row, cell.Share / whole,
                whole == 1 ? NumberFormat.Fraction(cell.Share) : NumberFormat.Score(cell.Share), lengths.Length);
        }
        plot.HideGrid();
        plot.Axes.Bottom.TickGenerator = new NumericManual(
            [.. lengths.Select((_, i) => (double)i)], [.. lengths.Select(l => $"{l}\n{NumberFormat.Multiple(l, trainLength)}")]);
        plot.Axes.Left.TickGenerator = new NumericManual([.. rows.Select((_, i) => (double)-i)], rows);
        plot.Axes.SetLimits(-0.5, lengths.Length - 0.5, -rows.Length + 0.5, 0.5);
        return plot;
    }

    private static int Height(PlotLook look, int rows) => 84 + (rows * (look.IsNarrow ? 30 : 44));

    private static void AddCell(Plot plot, PlotLook look, double x, double y, double share, string text, int columns)
    {
        ScottPlot.Plottables.Rectangle rectangle = plot.Add.Rectangle(x - 0.48, x + 0.48, y - 0.46, y + 0.46);
        rectangle.FillColor = s_colors.GetColor(Math.Clamp(share, 0, 1));
        rectangle.LineWidth = 0;
        ScottPlot.Plottables.Text number = plot.Add.Text(text, x, y);
        number.LabelFontColor = share >= 0.5 ? Colors.Black : Colors.White;
        number.LabelFontName = PlotFont.Name;
        number.LabelFontSize = (look.IsNarrow, columns) switch { (true, > 6) => 9, (true, _) or (false, > 12) => 12, _ => 14 };
        number.LabelAlignment = Alignment.MiddleCenter;
    }

    private static string Shortened(string name) => name.Length > 14 ? $"…{name[^13..]}" : name;

    private readonly record struct Cell(int Row, int Length, double Share);
}
