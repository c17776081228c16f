namespace Skipwise.Reports;

/// <summary>Passkey retrieval of one variant at one prompt length.</summary>
/// <param name="Variant">one of <see cref="DemoVariant"/></param>
/// <param name="Length">prompt length in tokens</param>
/// <param name="Accuracy">fraction of trials with every digit correct, 0..1</param>
/// <param name="Trials">number of trials</param>
internal sealed record PasskeyPoint(string Variant, int Length, double Accuracy, int Trials)
{
    /// <summary>number of trials with every digit correct</summary>
    public int? Correct { get; init; }
    /// <summary>lower end of the 95 % interval of <see cref="Accuracy"/></summary>
    public double? IntervalLow { get; init; }
    /// <summary>upper end of the 95 % interval of <see cref="Accuracy"/></summary>
    public double? IntervalHigh { get; init; }
}
