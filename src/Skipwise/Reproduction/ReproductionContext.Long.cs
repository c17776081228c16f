using Skipwise.Evaluation.Perplexity;
using Skipwise.Models;

namespace Skipwise.Reproduction;

/// <summary>Perplexity on documents that are longer than all others, for targets far beyond them.</summary>
internal sealed partial class ReproductionContext
{
    /// <summary>
    /// Perplexity of the first tokens of long documents, as in the paper's figure 4: a window reads the document's beginning. One pass over
    /// the longest window gives all of them.
    /// </summary>
    /// <param name="multiples">all windows that are measured, in multiples of the base's; documents are as long as the last</param>
    /// <param name="multiple">the window that is asked for, one of them</param>
    public SeedSamples FirstTokens(Variant variant, IReadOnlyList<int> multiples, int multiple) =>
        new([.. SeedsOf(variant).Select(seed => FirstTokensOf(variant, seed, multiples)[multiples.ToList().IndexOf(multiple)].Documents)],
            variant.IsTrained);

    /// <summary>The trainings and measurements of <see cref="FirstTokens"/>, for all seeds.</summary>
    public IEnumerable<PlannedWork> PlanFirstTokens(Variant variant, IReadOnlyList<int> multiples) =>
        SeedsOf(variant).SelectMany(seed =>
        {
            string model = Models.Key(variant, seed);
            BaseModel start = BaseOf(variant);
            int length = multiples[^1] * start.Window;
            return WithTraining(variant, seed,
            [
                new($"{model} first tokens {length}", model, $"perplexity of the first {length} tokens",
                    (long)start.LongDocumentsCount(multiples[^1]) * length,
                    () => Measured.Has(FirstTokensSettings(variant, seed, multiples)), () => FirstTokensOf(variant, seed, multiples)),
            ]);
        });

    /// <summary>Raw lines of <see cref="FirstTokens"/>.</summary>
    public IEnumerable<string> RawFirstTokens(Variant variant, IReadOnlyList<int> multiples) =>
        from seed in SeedsOf(variant)
        from measured in FirstTokensOf(variant, seed, multiples)
        select RawLine(variant, seed, measured);

    private PerplexityMeasurement[] FirstTokensOf(Variant variant, ulong seed, IReadOnlyList<int> multiples) =>
        Measured.Get(FirstTokensSettings(variant, seed, multiples), () =>
        {
            BaseModel start = BaseOf(variant);
            int[] windows = [.. multiples.Select(multiple => multiple * start.Window)];
            var options = new PerplexityOptions { Windows = windows, Mode = WindowMode.Truncate, MaxDocuments = null };
            IReadOnlyList<PerplexityResult> results = Timed($"perplexity of {variant.Name} up to {windows[^1]}", variant, seed, model =>
                PerplexityEvaluator.Evaluate(model, start.LongDocuments(multiples[^1]),
                    PerplexityTexts.BosId(start.Tokenizer, model.Config), options, _progress.Evaluation, cancel: _stop));
            return (PerplexityMeasurement[])[.. results.Select(result =>
                new PerplexityMeasurement(result.Window, result.Perplexity, result.Samples!))];
        });

    private NamedValue[] FirstTokensSettings(Variant variant, ulong seed, IReadOnlyList<int> multiples) =>
    [
        new("kind", "perplexity of first tokens"), new("version", MeasurementVersion), new("model", Models.Key(variant, seed)),
        NamedValue.Of("windows", [.. multiples.Select(multiple => multiple * BaseOf(variant).Window)]),
        .. BaseOf(variant).LongDocumentValues(multiples[^1]),
    ];
}
