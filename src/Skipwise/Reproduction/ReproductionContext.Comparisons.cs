namespace Skipwise.Reproduction;

/// <summary>Paired comparisons of perplexities, with the names that verdicts print.</summary>
internal sealed partial class ReproductionContext
{
    /// <summary>The perplexity of a variant over that of a reference with the same window, paired by seed and document, as a fraction of
    /// the reference's.</summary>
    public (string Name, Estimate Value) Against(Variant variant, Variant reference, int multiple) =>
        ($"{variant.Name} over {reference.Name} at {Length(multiple)}",
            RelativeTo(Perplexity(variant, multiple), Perplexity(reference, multiple)));

    /// <summary>The change of a variant's perplexity from one window to another, paired by seed and document, as a fraction of the
    /// first.</summary>
    public (string Name, Estimate Value) Change(Variant variant, int from, int to) =>
        ($"{variant.Name} from {Length(from)} to {Length(to)}", RelativeTo(Perplexity(variant, to), Perplexity(variant, from)));
}
