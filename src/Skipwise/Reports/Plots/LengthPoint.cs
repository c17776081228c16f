namespace Skipwise.Reports.Plots;

/// <summary>A value of one model at one length.</summary>
/// <param name="Series">the model's key in the legend</param>
/// <param name="Length">window or prompt length in tokens</param>
/// <param name="StandardError">of the value; NaN if unknown</param>
internal sealed record LengthPoint(string Series, int Length, double Value, double StandardError = double.NaN)
{
    /// <summary>ends of the 95 % error bar; null: 1.96 standard errors on both sides; NaN: no bar</summary>
    public (double Low, double High)? Interval { get; init; }
}
