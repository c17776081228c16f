namespace Skipwise.Reports;

/// <summary>One success criterion of the demo, with the measured value.</summary>
/// <param name="Name">the criterion: <c>PoSE passkey at 2048 tokens</c></param>
/// <param name="Required">the limit: <c>&gt;= 0.95</c></param>
/// <param name="Measured">the value</param>
/// <param name="Met">whether the criterion is met; false if the value is NaN</param>
internal sealed record DemoCriterion(string Name, string Required, double Measured, bool Met)
{
    /// <summary>A criterion with a lower limit.</summary>
    public static DemoCriterion AtLeast(string name, double required, double measured) =>
        new(name, $">= {NumberFormat.Short(required)}", measured, measured >= required);

    /// <summary>A criterion with an upper limit.</summary>
    public static DemoCriterion AtMost(string name, double required, double measured) =>
        new(name, $"<= {NumberFormat.Short(required)}", measured, measured <= required);
}
