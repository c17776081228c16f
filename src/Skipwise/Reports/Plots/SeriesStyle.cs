using ScottPlot;

namespace Skipwise.Reports.Plots;

/// <summary>
/// One look per model in every plot. Colours from the Okabe-Ito palette (told apart by colour-blind readers), those that
/// stand out on white and on black; each has its own marker, so that a print in grey can be read too.
/// </summary>
internal sealed record SeriesStyle(Color Color, MarkerShape Marker)
{
    private static readonly SeriesStyle
        s_vermilion = new(Color.FromHex("#D55E00"), MarkerShape.FilledTriangleUp),
        s_purple = new(Color.FromHex("#CC79A7"), MarkerShape.FilledDiamond),
        s_blue = new(Color.FromHex("#3A86C8"), MarkerShape.FilledSquare),
        s_green = new(Color.FromHex("#009E73"), MarkerShape.FilledCircle),
        s_orange = new(Color.FromHex("#E69F00"), MarkerShape.OpenSquare),
        s_sky = new(Color.FromHex("#56B4E9"), MarkerShape.FilledTriangleDown),
        s_grey = new(Color.FromHex("#8A8A8A"), MarkerShape.OpenCircle);

    private static readonly SeriesStyle[] s_all = [s_vermilion, s_green, s_blue, s_purple, s_orange, s_sky, s_grey];

    /// <summary>base, interpolated, short, PoSE</summary>
    public static IReadOnlyList<SeriesStyle> Demo { get; } = [s_vermilion, s_purple, s_blue, s_green];

    /// <summary>The look of the i-th model. More than seven repeat.</summary>
    public static SeriesStyle ByIndex(int index) => s_all[index % s_all.Length];

    /// <summary>Colours for parts of one thing, such as chunks.</summary>
    public static Color Part(int index) => s_parts[index % s_parts.Length];

    private static readonly Color[] s_parts = [s_blue.Color, s_orange.Color, s_green.Color, s_purple.Color, s_vermilion.Color, s_sky.Color];
}
