using System.Globalization;
using ScottPlot;
using ScottPlot.TickGenerators;

namespace Skipwise.Reports.Plots;

/// <summary>The look of a plot for a medium: its size, background, and colour of text and lines.</summary>
/// <param name="Width">px</param>
/// <param name="Height">px</param>
/// <param name="Ink">colour of text, axes and grid</param>
/// <param name="Paper">colour of the background</param>
internal sealed record PlotLook(int Width, int Height, Color Ink, Color Paper)
{
    /// <summary>Placeholder of the ink in an inline SVG, replaced by the page's text colour.</summary>
    internal static Color InkMark { get; } = new(1, 2, 3);

    /// <summary>inside a page on a screen or on paper</summary>
    public static PlotLook Wide { get; } = new(760, 380, InkMark, Colors.Transparent);

    /// <summary>inside a page on a phone: drawn at its size, so that the text is readable</summary>
    public static PlotLook Narrow { get; } = new(360, 320, InkMark, Colors.Transparent);

    /// <summary>a picture file on white</summary>
    public static PlotLook Light { get; } = new(760, 380, Color.FromHex("#1C1D21"), Colors.White);

    /// <summary>whether the plot is for a narrow page</summary>
    public bool IsNarrow => Width < 500;

    /// <summary>Creates an empty plot with this look: no frame, a faint grid, the embedded font.</summary>
    internal Plot NewPlot(string xLabel, string yLabel)
    {
        var plot = new Plot();
        PlotFont.Use(plot);
        plot.FigureBackground.Color = Paper;
        plot.DataBackground.Color = Colors.Transparent;
        plot.Axes.Color(Ink);
        plot.Axes.Right.FrameLineStyle.Width = 0;
        plot.Axes.Top.FrameLineStyle.Width = 0;
        plot.Grid.MajorLineColor = Ink.WithAlpha(0.13);
        plot.XLabel(xLabel);
        plot.YLabel(yLabel);
        foreach (IAxis axis in (IAxis[])[plot.Axes.Bottom, plot.Axes.Left])
        {
            axis.Label.Bold = false;
            axis.Label.FontSize = IsNarrow ? 12 : 13;
            axis.TickLabelStyle.FontSize = IsNarrow ? 11 : 12;
            axis.MinorTickStyle.Length = 0;
            axis.TickGenerator = new NumericAutomatic { LabelFormatter = Label };
        }
        return plot;
    }

    /// <summary>A tick label as in ScottPlot, but independent of the culture.</summary>
    private static string Label(double value) => value == Math.Truncate(value) || Math.Abs(value) > 1000
        ? value.ToString("N0", CultureInfo.InvariantCulture)
        : Math.Round(value, 10).ToString("G", CultureInfo.InvariantCulture);

    /// <summary>Adds a legend above the data.</summary>
    internal void AddLegend(Plot plot)
    {
        ScottPlot.Panels.LegendPanel panel = plot.ShowLegend(Edge.Top);
        plot.Legend.Orientation = Orientation.Horizontal;
        plot.Legend.TightHorizontalWrapping = true;
        plot.Legend.Margin = new PixelPadding(0);
        plot.Legend.FontColor = Ink;
        plot.Legend.BackgroundColor = Colors.Transparent;
        plot.Legend.OutlineColor = Colors.Transparent;
        plot.Legend.ShadowColor = Colors.Transparent;
        float fontSize = IsNarrow ? 11 : 13;
        plot.Legend.FontSize = fontSize;
        // The panel's own height is one line, and it omits what does not fit, so the number of lines is set here.
        panel.Padding = new PixelPadding(0, 0, 2, 2);
        panel.MinimumSize = 4 + (LegendLines(plot.Legend.GetItems().Select(item => item.LabelText), fontSize) * (fontSize + 9));
    }

    private int LegendLines(IEnumerable<string> labels, float fontSize)
    {
        const float LetterWidth = 0.66f, Symbol = 36; // generous, because an empty line is better than a lost name
        int lines = 1;
        float used = 0;
        foreach (string label in labels.Where(label => label.Length > 0))
        {
            float width = Symbol + (LetterWidth * fontSize * label.Length);
            if (used > 0 && used + width > Width - 80)
            {
                lines++;
                used = 0;
            }
            used += width;
        }
        return lines;
    }
}
