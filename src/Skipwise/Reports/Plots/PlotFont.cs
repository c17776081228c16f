using ScottPlot;
using SkiaSharp;

namespace Skipwise.Reports.Plots;

/// <summary>
/// The embedded font of all plots. Minimal containers have no fonts, and Skia then draws no text. One font also makes plots the same file
/// on every machine.
/// </summary>
internal sealed class PlotFont : IFontResolver
{
    public const string Name = "Skipwise Plot";

    private static readonly SKTypeface s_typeface = SKTypeface.FromData(SKData.CreateCopy(Asset.Bytes(Asset.Font)));

    static PlotFont() => Fonts.FontResolvers.Insert(0, new PlotFont());

    private PlotFont() { }

    /// <summary>Registers the font and sets it for every text of the plot.</summary>
    public static void Use(Plot plot) => plot.Font.Set(Name);

    public SKTypeface? CreateTypeface(string fontName, FontWeight weight, FontSlant slant, FontSpacing spacing) =>
        fontName == Name ? s_typeface : null;

    [Obsolete("ScottPlot asks through the other overload")]
    public SKTypeface? CreateTypeface(string fontName, bool bold, bool italic) => fontName == Name ? s_typeface : null;
}
