using Skipwise.Evaluation.Results;
using Skipwise.Reports;
using Skipwise.Reports.Plots;

namespace Skipwise.Reproduction;

/// <summary>Measured numbers in the forms of a report.</summary>
internal sealed partial class ReproductionContext
{
    private const string Documents = "documents", Trials = "trials";

    /// <summary>Findings on perplexity by window: protocol, table, plot and raw lines.</summary>
    /// <param name="name">of the experiment, which begins the plot's</param>
    /// <param name="description">of the variants, the protocol's first words</param>
    /// <param name="variants">in the order of table and legend</param>
    /// <param name="windows">in multiples of the base's</param>
    /// <param name="verdicts">of the experiment</param>
    public Findings PerplexityByWindow(string name, string description, IReadOnlyList<Variant> variants, IReadOnlyList<int> windows,
        IReadOnlyList<Verdict> verdicts) => new()
        {
            Protocol = [description, .. ProtocolOfTraining(variants), ProtocolOfPerplexity()],
            Tables = [PerplexityTable("Perplexity by window in tokens", variants, windows, Perplexity)],
            Verdicts = verdicts,
            Plots = [PerplexityPlot(variants, windows, Perplexity, $"{name}-perplexity", "Perplexity on held-out documents")],
            RawLines = [.. RawLines(variants, windows, [])],
        };

    /// <summary>A table of perplexities, a row per variant, a column per window.</summary>
    public NumberTable PerplexityTable(string caption, IEnumerable<Variant> variants, IReadOnlyList<int> multiples,
        Func<Variant, int, SeedSamples> measured) => Table(caption, variants, multiples, NumberUnit.Perplexity, Documents, measured);

    /// <summary>A table of fractions of passkeys found, a row per variant, a column per length.</summary>
    public NumberTable PasskeyTable(string caption, IEnumerable<Variant> variants, IReadOnlyList<int> multiples) =>
        Table(caption, variants, multiples, NumberUnit.Fraction, Trials, Passkey);

    /// <summary>As <see cref="PasskeyTable"/>, with every key in the prompt's first window.</summary>
    public NumberTable FirstWindowPasskeyTable(string caption, IEnumerable<Variant> variants, IReadOnlyList<int> multiples) =>
        Table(caption, variants, multiples, NumberUnit.Fraction, Trials, FirstWindowPasskey);

    /// <summary>A plot of passkeys found by prompt length, a line per variant.</summary>
    /// <param name="name">of its files</param>
    public ReportBlock.Plot PasskeyPlot(IReadOnlyList<Variant> variants, IReadOnlyList<int> multiples, string name) => new(
        LengthPlot.Accuracy("Passkey retrieval", Points(variants, multiples, NumberUnit.Fraction, Passkey), Window,
            ModelLegend.Create(variants.Select(variant => variant.Name))),
        name, "Passkeys found, by prompt length. Bars: 95 % intervals (Wilson's, widened by the error over seeds).");

    /// <summary>A plot of perplexity by window, a line per variant.</summary>
    /// <param name="name">of its files</param>
    /// <param name="caption">what is plotted</param>
    public ReportBlock.Plot PerplexityPlot(IReadOnlyList<Variant> variants, IReadOnlyList<int> multiples,
        Func<Variant, int, SeedSamples> measured, string name, string caption)
    {
        (Figure figure, bool isClipped) = PerplexityFigure(variants, multiples, measured);
        return new(figure, name, PerplexityCaption(caption, isClipped));
    }

    /// <summary>Small plots of perplexity by window, each of variants of its own.</summary>
    /// <param name="plots">heading and variants of each</param>
    /// <inheritdoc cref="PerplexityPlot"/>
    public ReportBlock.SmallPlots SmallPerplexityPlots(IEnumerable<(string Heading, IReadOnlyList<Variant> Variants)> plots,
        IReadOnlyList<int> multiples, Func<Variant, int, SeedSamples> measured, string name, string caption)
    {
        (string Heading, (Figure Figure, bool IsClipped) Drawn)[] drawn =
            [.. plots.Select(plot => (plot.Heading, PerplexityFigure(plot.Variants, multiples, measured)))];
        return new([.. drawn.Select(plot => (plot.Heading, plot.Drawn.Figure))], name,
            PerplexityCaption(caption, drawn.Any(plot => plot.Drawn.IsClipped)));
    }

    /// <summary>The points of a plot by length with their 95 % intervals.</summary>
    public IReadOnlyList<LengthPoint> Points(IEnumerable<Variant> variants, IReadOnlyList<int> multiples, NumberUnit unit,
        Func<Variant, int, SeedSamples> measured) =>
    [
        .. from variant in variants
           from multiple in multiples
           let value = measured(variant, multiple).Estimate()
           let interval = unit == NumberUnit.Fraction ? value.FractionInterval() : (value.Low(), value.High())
           select new LengthPoint(variant.Name, multiple * Window, value.Mean) { Interval = interval },
    ];

    /// <summary>A length in headings and numbers' names: "1024 (8x)".</summary>
    public string Length(int multiple) => $"{multiple * Window} ({multiple}x)";

    /// <summary>Every passkey trial of the variants with its depth, for maps of depth by length.</summary>
    public IReadOnlyList<DepthTrial> Depths(IEnumerable<Variant> variants, IReadOnlyList<int> multiples) =>
    [
        .. from variant in variants
           from seed in SeedsOf(variant)
           from multiple in multiples
           let measured = PasskeyOf(variant, seed, multiple)
           from trial in measured.Trials
           select new DepthTrial(variant.Name, measured.Length, trial.Depth, trial.Correct ? 1 : 0),
    ];

    /// <summary>Every measured value of the variants as JSON lines: one per model and window, one per passkey trial.</summary>
    public IEnumerable<string> RawLines(IEnumerable<Variant> variants, IReadOnlyList<int> perplexity, IReadOnlyList<int> passkey,
        IReadOnlyList<int>? firstWindowPasskey = null)
    {
        (int Multiple, double MaxDepth)[] prompts = Prompts(passkey, firstWindowPasskey);
        foreach ((Variant variant, ulong seed) in variants.SelectMany(variant => SeedsOf(variant).Select(seed => (variant, seed))))
        {
            foreach (int multiple in perplexity)
            {
                yield return RawLine(variant, seed, PerplexityOf(variant, seed, multiple));
            }
            foreach ((int multiple, double maxDepth) in prompts)
            {
                PasskeyMeasurement measured = PasskeyOf(variant, seed, multiple, maxDepth);
                foreach (MeasuredTrial trial in measured.Trials)
                {
                    yield return EvaluationJson.ToJsonLine(new RawTrial(variant.Name, Models.Key(variant, seed), Decides(variant, seed),
                        measured.Length, trial.Depth, maxDepth < Anywhere ? maxDepth : null, trial.Key, trial.Answer, trial.Correct));
                }
            }
        }
    }

    private (Figure Figure, bool IsClipped) PerplexityFigure(IReadOnlyList<Variant> variants, IReadOnlyList<int> multiples,
        Func<Variant, int, SeedSamples> measured)
    {
        IReadOnlyList<LengthPoint> points = Points(variants, multiples, NumberUnit.Perplexity, measured);
        return (LengthPlot.Perplexity(points, Window, ModelLegend.Create(variants.Select(variant => variant.Name))),
            points.Any(point => !(point.Value <= LengthPlot.Ceiling(points))));
    }

    private static string PerplexityCaption(string what, bool isClipped) =>
        $"{what}; lower is better. Bars: 95 % intervals.{(isClipped ? " Arrows: too large for this axis." : "")}";

    private string RawLine(Variant variant, ulong seed, PerplexityMeasurement measured) => EvaluationJson.ToJsonLine(new RawPerplexity(
        variant.Name, Models.Key(variant, seed), Decides(variant, seed), measured.Window, measured.Perplexity, measured.Documents));

    /// <summary>The seed, if it decides anything.</summary>
    private static ulong? Decides(Variant variant, ulong seed) => variant.IsTrained ? seed : null;

    /// <summary>A table of any measured quantity, a row per variant, a column per length in multiples of the window.</summary>
    private NumberTable Table(string caption, IEnumerable<Variant> variants, IReadOnlyList<int> multiples, NumberUnit unit, string samples,
        Func<Variant, int, SeedSamples> measured) => new(caption, "variant", [.. multiples.Select(Length)],
        [.. variants.Select(variant =>
            new NumberRow(variant.Name, [.. multiples.Select(multiple => measured(variant, multiple).Estimate())]))], unit, samples);
}
