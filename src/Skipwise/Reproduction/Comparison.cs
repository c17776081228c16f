namespace Skipwise.Reproduction;

/// <summary>Paired comparisons of a quantity that is measured by variant and window. Pairs are those of one seed and document. Their names
/// say what is compared with what.</summary>
/// <param name="context">names lengths</param>
/// <param name="measured">the quantity of a variant at a window, in multiples of the base's</param>
internal sealed class Comparison(ReproductionContext context, Func<Variant, int, SeedSamples> measured)
{
    /// <summary>The quantity of a variant over that of a reference at the same window, as a change: 0.03 is 3 % more.</summary>
    public NamedEstimate Against(Variant variant, Variant reference, int multiple) => new(
        $"{variant.Name} over {reference.Name} at {context.Length(multiple)}",
        measured(variant, multiple).RelativeTo(measured(reference, multiple)), NumberUnit.Change);

    /// <summary>The change of a variant's quantity from one window to another, as a fraction of the first.</summary>
    public NamedEstimate Change(Variant variant, int from, int to) => new(
        $"{variant.Name} at {context.Length(to)} over {context.Length(from)}",
        measured(variant, to).RelativeTo(measured(variant, from)), NumberUnit.Change);
}
