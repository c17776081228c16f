namespace Skipwise.Reproduction;

/// <summary>What a number is, which decides how <see cref="NumberText"/> writes it.</summary>
internal enum NumberUnit
{
    /// <summary>perplexity</summary>
    Perplexity,
    /// <summary>fraction of trials or questions, or another share, 0..1</summary>
    Fraction,
    /// <summary>relative change: 0.03 is 3 % more</summary>
    Change,
    /// <summary>difference of two fractions: 0.03 is 3 points</summary>
    Difference,
    /// <summary>how many times one number is another</summary>
    Ratio,
    /// <summary>probability, 0..1</summary>
    Probability,
    /// <summary>memory in MiB</summary>
    Mebibytes,
    /// <summary>time in seconds</summary>
    Seconds,
}
