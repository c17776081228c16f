using ScottPlot;

namespace Skipwise.Reports.Plots;

/// <summary>
/// One look per variant in every plot. Colours from the Okabe-Ito palette (told apart by colour-blind readers), those that
/// stand out on white and on black; each has its own marker, so that a print in grey can be read too.
/// </summary>
internal sealed record SeriesStyle(Color Color, MarkerShape Marker)
{
    private static readonly SeriesStyle[] s_others =
    [
        new(Color.FromHex("#56B4E9"), MarkerShape.FilledTriangleDown),
        new(Color.FromHex("#8A8A8A"), MarkerShape.OpenCircle),
        new(Color.FromHex("#CC79A7"), MarkerShape.OpenSquare),
    ];

    public static SeriesStyle Of(string variant) => variant switch
    {
        DemoVariant.Base => new(Color.FromHex("#D55E00"), MarkerShape.FilledTriangleUp),
        DemoVariant.Interpolated => new(Color.FromHex("#CC79A7"), MarkerShape.FilledDiamond),
        DemoVariant.Short => new(Color.FromHex("#3A86C8"), MarkerShape.FilledSquare),
        DemoVariant.Pose => new(Color.FromHex("#009E73"), MarkerShape.FilledCircle),
        _ => s_others[variant.Length % s_others.Length],
    };

    /// <summary>Colours for parts of one thing, such as chunks.</summary>
    public static Color Part(int index) => s_parts[index % s_parts.Length];

    private static readonly Color[] s_parts =
        [Color.FromHex("#3A86C8"), Color.FromHex("#E69F00"), Color.FromHex("#009E73"), Color.FromHex("#CC79A7"), Color.FromHex("#D55E00"), Color.FromHex("#56B4E9")];
}
