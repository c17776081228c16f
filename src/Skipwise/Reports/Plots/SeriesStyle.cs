using ScottPlot;

namespace Skipwise.Reports.Plots;

/// <summary>
/// The style of a model in every plot. Colours are from the Okabe-Ito palette (distinct for colour-blind readers), those with contrast on
/// white and on black. Each style has its own marker for prints in grey.
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

    /// <summary>The style of the i-th model. Styles repeat after seven.</summary>
    public static SeriesStyle ByIndex(int index) => s_all[index % s_all.Length];

    /// <summary>The colour of the i-th part of an object, such as a chunk.</summary>
    public static Color Part(int index) => s_parts[index % s_parts.Length];

    private static readonly Color[] s_parts = [s_blue.Color, s_orange.Color, s_green.Color, s_purple.Color, s_vermilion.Color, s_sky.Color];
}
