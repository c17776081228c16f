using Skipwise.Reports;

namespace Skipwise.Reproduction;

/// <summary>Writes numbers of tables and verdicts by their unit. Perplexities from 100,000 on alone have an exponent.</summary>
internal static class NumberText
{
    /// <summary>A number of a table.</summary>
    public static string InTable(double value, NumberUnit unit) => unit switch
    {
        NumberUnit.Perplexity => NumberFormat.Perplexity(value),
        NumberUnit.Fraction => NumberFormat.Fraction(value),
        NumberUnit.Change => NumberFormat.Percent(value),
        NumberUnit.Difference => $"{NumberFormat.Points(100 * value)} points",
        NumberUnit.Probability when Math.Abs(value) >= 0.01 => NumberFormat.Thousandths(value),
        NumberUnit.Probability => NumberFormat.Plain(value, 2),
        _ => NumberFormat.Plain(value, 3),
    };

    /// <summary>A standard error of a table.</summary>
    public static string Error(double error, NumberUnit unit) => unit switch
    {
        NumberUnit.Perplexity when error >= 100_000 => NumberFormat.Error(error),
        NumberUnit.Fraction => NumberFormat.Fraction(error),
        _ => NumberFormat.Plain(error, 2),
    };

    /// <summary>A number of a verdict: shares in percent, as the rules have them.</summary>
    public static string InVerdict(double value, NumberUnit unit) =>
        unit == NumberUnit.Fraction ? $"{NumberFormat.Score(100 * value)} %" : InTable(value, unit);
}
