namespace Skipwise.Reproduction;

/// <summary>What the numbers of a table are.</summary>
internal enum NumberUnit
{
    /// <summary>perplexities</summary>
    Perplexity,
    /// <summary>fractions of trials, 0..1</summary>
    Fraction,
    /// <summary>anything else, with four significant digits</summary>
    Other,
}
