using System.Globalization;

namespace Skipwise.Reports;

/// <summary>Formats numbers for people, the same in every culture.</summary>
internal static class NumberFormat
{
    private static readonly CultureInfo s_culture = CultureInfo.InvariantCulture;

    /// <summary>two decimals: fractions and losses</summary>
    public static string Fraction(double value) => value.ToString("0.00", s_culture);

    /// <summary>one decimal: percentages</summary>
    public static string Score(double percent) => percent.ToString("0.0", s_culture);

    /// <summary>significant digits: 3.49, 27.4, 1234, 1.2e+06</summary>
    public static string Perplexity(double value) => value switch
    {
        < 10 => value.ToString("0.00", s_culture),
        < 100 => value.ToString("0.0", s_culture),
        < 100_000 => value.ToString("0", s_culture),
        _ => value.ToString("0.0e+0", s_culture),
    };

    /// <summary>up to four significant digits, no padding: 0.95, 3.871, 200</summary>
    public static string Short(double value) => value.ToString("G4", s_culture);

    /// <summary>significant digits, zeros at the end included, without an exponent; at most nine decimals: 0.143, 12, 0.000070</summary>
    public static string Plain(double value, int digits)
    {
        int Decimals(double value) => value == 0 || !double.IsFinite(value) ? 0
            : Math.Clamp(digits - 1 - (int)Math.Floor(Math.Log10(Math.Abs(value))), 0, 9);
        int decimals = Decimals(Math.Round(value, Decimals(value))); // 0.0999 has a decimal less than 0.0990
        return value.ToString(string.Create(s_culture, $"F{decimals}"), s_culture);
    }

    /// <summary>three decimals: probabilities</summary>
    public static string Thousandths(double value) => value.ToString("0.000", s_culture);

    /// <summary>a standard error: two significant digits</summary>
    public static string Error(double value) => value.ToString(value switch { < 99.5 => "G2", < 100_000 => "0", _ => "0.0e+0" }, s_culture);

    /// <summary>a change, with its sign: +1.8 %</summary>
    public static string Percent(double fraction) => (100 * fraction).ToString("+0.0;-0.0;0.0", s_culture) + " %";

    /// <summary>a difference of fractions, with its sign: +0.012</summary>
    public static string Change(double value) => value.ToString("+0.000;-0.000;0.000", s_culture);

    /// <summary>a difference of scores in percent, with its sign: +1.8</summary>
    public static string Points(double value) => value.ToString("+0.0;-0.0;0.0", s_culture);

    /// <summary>a change with its standard error, if known: +1.8 % ± 0.3 %</summary>
    /// <param name="number">formats both, the change with its sign</param>
    public static string Change(Skipwise.Reports.Comparing.Change change, Func<double, string> number) =>
        change.StandardError is { } error && double.IsFinite(error)
        ? $"{number(change.Value)} ± {number(error).TrimStart('+')}"
        : number(change.Value);

    /// <summary>seconds: one decimal below 10, else none</summary>
    public static string Seconds(double value) => value.ToString(value < 10 ? "0.0" : "0", s_culture);

    /// <summary>a length as a multiple of the original window: 8x, 1.5x</summary>
    public static string Multiple(int length, int trainLength) => ((double)length / trainLength).ToString("0.##", s_culture) + "x";
}
