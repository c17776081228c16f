using Skipwise.Evaluation.Results;
using Skipwise.Numerics;
using Skipwise.Reports.Plots;

namespace Skipwise.Reproduction;

/// <summary>Measured numbers in the forms of a report.</summary>
internal sealed partial class ReproductionContext
{
    /// <summary>A table of perplexities, a row per variant, a column per window.</summary>
    public NumberTable PerplexityTable(string caption, IEnumerable<Variant> variants, IReadOnlyList<int> multiples) =>
        Table(caption, variants, multiples, NumberUnit.Perplexity, Perplexity);

    /// <summary>A table of fractions of passkeys found, a row per variant, a column per length.</summary>
    public NumberTable PasskeyTable(string caption, IEnumerable<Variant> variants, IReadOnlyList<int> multiples) =>
        Table(caption, variants, multiples, NumberUnit.Fraction, Passkey);

    /// <summary>A table of any measured quantity, a row per variant, a column per length in multiples of the window.</summary>
    public NumberTable Table(string caption, IEnumerable<Variant> variants, IReadOnlyList<int> multiples, NumberUnit unit,
        Func<Variant, int, SeedSamples> measured) => new(caption, "variant", [.. multiples.Select(Length)],
        [.. variants.Select(variant =>
            new NumberRow(variant.Name, [.. multiples.Select(multiple => measured(variant, multiple).Estimate())]))], unit);

    /// <summary>The points of a plot by length; its error bars are 95 % intervals.</summary>
    public IReadOnlyList<LengthPoint> Points(IEnumerable<Variant> variants, IReadOnlyList<int> multiples,
        Func<Variant, int, SeedSamples> measured) =>
    [
        .. from variant in variants
           from multiple in multiples
           let value = measured(variant, multiple).Estimate()
           select new LengthPoint(variant.Name, multiple * Window, value.Mean, value.Reach() / Statistics.Z95),
    ];

    /// <summary>A length in headings and numbers' names: "1024 (8x)".</summary>
    public string Length(int multiple) => $"{multiple * Window} ({multiple}x)";

    /// <summary>The paired difference of two perplexities, as a fraction of the second.</summary>
    public static Estimate RelativeTo(SeedSamples value, SeedSamples reference) =>
        value.Minus(reference).Times(1 / reference.Estimate().Mean).Estimate();

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
    public IEnumerable<string> RawLines(IEnumerable<Variant> variants, IReadOnlyList<int> perplexity, IReadOnlyList<int> passkey)
    {
        foreach ((Variant variant, ulong seed) in variants.SelectMany(variant => SeedsOf(variant).Select(seed => (variant, seed))))
        {
            ulong? decides = variant.IsTrained ? seed : null;
            foreach (int multiple in perplexity)
            {
                PerplexityMeasurement measured = PerplexityOf(variant, seed, multiple);
                yield return EvaluationJson.ToJsonLine(new RawPerplexity(
                    variant.Name, Models.Key(variant, seed), decides, measured.Window, measured.Perplexity, measured.Documents));
            }
            foreach (int multiple in passkey)
            {
                PasskeyMeasurement measured = PasskeyOf(variant, seed, multiple);
                foreach (MeasuredTrial trial in measured.Trials)
                {
                    yield return EvaluationJson.ToJsonLine(new RawTrial(
                        variant.Name, Models.Key(variant, seed), decides, measured.Length, trial.Depth, trial.Key, trial.Answer,
                        trial.Correct));
                }
            }
        }
    }

    /// <summary>Sentences of a protocol: how every variant is trained.</summary>
    public IReadOnlyList<string> ProtocolOfTraining() =>
    [
        FormattableString.Invariant(
            $"Training: {Scale.Steps} steps of {Scale.BatchSize} windows, AdamW, peak rate {new Variant { Name = "" }.LearningRate}, ") +
        "cosine decay; YaRN with three times the factor of the extension; positions below the target and one window past it, so that the " +
        "target's last distances are trained too. All of this is the demo's.",
        Scale.Seeds > 1
            ? $"Seeds: {Scale.Seeds}. They differ in text, data order and positions; variants of one seed read the same text."
            : "Seeds: ONE. Intervals cover the choice of documents and trials, not the randomness of training.",
    ];

    /// <summary>A sentence of a protocol: how perplexity is measured.</summary>
    public string ProtocolOfPerplexity() =>
        $"Perplexity: every token of {Scale.Documents} held-out documents of {BaseModel.DocumentWindows * Window} tokens, in windows " +
        "that slide by half their length. All models read the same documents, and differences are taken document by document.";

    /// <summary>A sentence of a protocol: how passkeys are measured.</summary>
    public string ProtocolOfPasskey() =>
        $"Passkey: {Scale.Trials} prompts per length, keys at as many depths spread over the filler. All models answer the same prompts.";
}
