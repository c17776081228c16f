namespace Skipwise.Reports.Plots;

/// <summary>A number of one model at one length.</summary>
/// <param name="Series">the model's key in the lineup</param>
/// <param name="Length">window or prompt, tokens</param>
/// <param name="StandardError">of the value; NaN if it is not known</param>
public sealed record LengthPoint(string Series, int Length, double Value, double StandardError = double.NaN);
