namespace Skipwise;

/// <summary>
/// The values that a number of an options record may have, or each number of its list. <see cref="OptionCheck"/> holds them against it;
/// NaN lies within nothing.
/// </summary>
/// <param name="least">least value</param>
/// <param name="most">largest value: more is a slip of the hand, and would take memory or time without end</param>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class WithinAttribute(double least, double most) : Attribute
{
    public double Least => least;

    public double Most => most;

    /// <summary>the least value itself is too little</summary>
    public bool Above { get; init; }

    /// <summary>the largest value itself is too much</summary>
    public bool Below { get; init; }

    /// <summary>what the least value stands for, such as "none"</summary>
    public string? LeastMeans { get; init; }

    internal bool Holds(double value) => (Above ? value > least : value >= least) && (Below ? value < most : value <= most);

    /// <summary>"at least 1"</summary>
    internal string Words(double value)
    {
        string low = Above ? Invariant($"above {least}") : LeastMeans is null ? Invariant($"at least {least}")
            : Invariant($"{least} ({LeastMeans}) or more");
        string high = Invariant($"{(Below ? "below" : "at most")} {most}");
        return value > least ? high : double.IsNaN(value) ? $"{low} and {high}" : low;
    }

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
