using System.Xml.Linq;
using Skipwise.Reports;
using Skipwise.Reports.Plots;

namespace Skipwise.Tests.Reports;

public sealed class PlotTests
{
    private static readonly DemoResults s_demo = SampleDemo.PoseWins;
    private static readonly LengthPoint[] s_perplexity =
        [.. s_demo.Perplexity.Select(p => new LengthPoint(p.Variant, p.Length, p.Value, p.StandardError))];

    public static TheoryData<string> Looks => ["wide", "narrow"];

    [Theory, MemberData(nameof(Looks))]
    public void Perplexity_names_every_variant_window_and_the_train_length(string look)
    {
        string[] texts = Texts(LengthPlot.Perplexity(s_perplexity, 256, ModelLegend.Demo), look);
        Assert.Subset(texts.ToHashSet(),
            new HashSet<string> { "base", "interpolated, untrained", "short (no skips)", "PoSE", "original window 256", "window (tokens)",
                "perplexity" });
        Assert.Subset(texts.ToHashSet(), new HashSet<string> { "256", "1x", "2048", "8x", "4096", "16x" });
    }

    [Fact]
    public void Perplexities_too_large_for_the_axis_are_written_out_and_the_others_are_not()
    {
        string[] texts = Texts(LengthPlot.Perplexity(s_perplexity, 256, ModelLegend.Demo), "wide");
        Assert.Equal(6.88, LengthPlot.Ceiling(s_perplexity), 10); // twice the smallest, 3.44
        Assert.Equal(["↑11.4", "↑12.9", "↑13.8", "↑19.6", "↑27.4", "↑7.90", "↑88.1", "↑9.20"],
            texts.Where(t => t.StartsWith('↑')).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_perplexity_that_overflowed_does_not_break_the_plot()
    {
        LengthPoint[] points =
            [new("base", 256, 4, 0.1), new("base", 512, double.PositiveInfinity), new("pose", 256, 4), new("pose", 512, 3.9, 0.1)];
        string svg = LengthPlot.Perplexity(points, 256, ModelLegend.Demo).Svg(PlotLook.Wide, "x");
        Assert.DoesNotContain("NaN", svg);
        Assert.Contains("↑", svg);
    }

    [Theory, MemberData(nameof(Looks))]
    public void The_heat_map_has_the_number_of_every_cell(string look)
    {
        Figure figure =
            AccuracyHeatmap.ByModel("Passkey", [.. s_demo.Passkey.Select(p => new LengthPoint(p.Variant, p.Length, p.Accuracy))], 256,
                ModelLegend.Demo);
        string[] texts = Texts(figure, look);
        string[] shares = [.. s_demo.Passkey.Select(p => p.Accuracy.ToString("0.00"))];
        Assert.Equal(shares.Order(), texts.Where(t => t.Length == 4 && t[1] == '.').Order());
        int cells = XElement.Parse(Svg(figure, look)).Descendants()
            .Count(e => e.Name.LocalName == "rect" && (string?)e.Attribute("fill") is { } fill && fill.StartsWith('#'));
        Assert.Equal(20, cells);
    }

    [Fact]
    public void The_depth_map_averages_the_trials_of_a_band()
    {
        DepthTrial[] trials =
        [
            new("pose", 256, 0.05, 1), new("pose", 256, 0.15, 0), new("pose", 256, 0.95, 1), new("pose", 256, 1, 1),
            new("base", 256, 0.05, 0),
        ];
        string[] texts = Texts(AccuracyHeatmap.ByDepth("Passkey", trials, "pose", 256, ModelLegend.Demo), "wide");
        Assert.Equal(["0.50", "1.00"], texts.Where(t => t.Contains('.')).Order()); // depth 1 belongs to the last band
        Assert.Contains("80–100 %", texts);
    }

    [Theory, MemberData(nameof(Looks))]
    public void Position_ids_show_chunks_and_both_lengths(string look)
    {
        string[] texts = Texts(PositionIdsPlot.Figure(s_demo.Examples!, 256, 2048), look);
        Assert.Subset(texts.ToHashSet(),
            new HashSet<string> { "chunk 1", "chunk 2", "target length 2048", "train length 256", "position id",
                "token index in the training window" });
    }

    [Theory, MemberData(nameof(Looks))]
    public void Loss_names_both_fine_tunes(string look)
    {
        string[] texts = Texts(LossPlot.Figure(s_demo.Training!, ModelLegend.Demo), look);
        Assert.Subset(texts.ToHashSet(), new HashSet<string> { "short (no skips)", "PoSE", "step", "loss (nats per token)" });
    }

    [Fact]
    public void The_running_mean_is_that_of_the_neighbours()
    {
        Assert.Equal([1.5, 2, 3, 3.5], LossPlot.RunningMean([1, 2, 3, 4], 1));
    }

    [Fact]
    public void An_inline_svg_takes_the_ink_of_the_page_and_keeps_its_ids_to_itself()
    {
        string svg = LengthPlot.Perplexity(s_perplexity, 256, ModelLegend.Demo).Svg(PlotLook.Wide, "here-");
        Assert.Contains("currentColor", svg);
        Assert.DoesNotContain("#010203", svg);
        Assert.DoesNotContain("\"black\"", svg);
        Assert.DoesNotContain("font-family", svg);
        XElement[] all = [.. XElement.Parse(svg).Descendants()];
        string[] ids = [.. all.Attributes("id").Select(a => a.Value)];
        Assert.NotEmpty(ids);
        Assert.All(ids, id => Assert.StartsWith("here-", id));
        Assert.NotEmpty(all.Attributes("clip-path"));
        // the same plot is the same text
        Assert.Equal(svg, LengthPlot.Perplexity(s_perplexity, 256, ModelLegend.Demo).Svg(PlotLook.Wide, "here-"));
        Assert.All(all.Attributes("clip-path"), clip => Assert.Contains(clip.Value[5..^1], ids)); // url(#ID)
    }

    [Fact]
    public void A_png_is_drawn_at_its_size_with_something_on_it()
    {
        byte[] png = LengthPlot.Perplexity(s_perplexity, 256, ModelLegend.Demo).Png(PlotLook.Light);
        using var bitmap = SkiaSharp.SKBitmap.Decode(png);
        Assert.Equal((760, 380), (bitmap.Width, bitmap.Height));
        Assert.Contains(bitmap.Pixels, p => p == new SkiaSharp.SKColor(0, 0x9E, 0x73)); // PoSE's green
    }

    private static string Svg(Figure figure, string look) => figure.Svg(look == "wide" ? PlotLook.Wide : PlotLook.Narrow, "id");

    private static string[] Texts(Figure figure, string look) =>
        [.. XElement.Parse(Svg(figure, look)).Descendants().Where(e => e.Name.LocalName == "text").Select(e => e.Value)];
}
