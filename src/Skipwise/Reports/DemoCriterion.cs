namespace Skipwise.Reports;

/// <summary>One promise of the demo, held against what was measured.</summary>
/// <param name="Name">what is promised: <c>PoSE passkey at 2048 tokens</c></param>
/// <param name="Required">the limit: <c>&gt;= 0.95</c></param>
/// <param name="Measured">the number</param>
/// <param name="Met">whether it holds; false when the number is NaN</param>
public sealed record DemoCriterion(string Name, string Required, double Measured, bool Met)
{
    public static DemoCriterion AtLeast(string name, double required, double measured) =>
        new(name, $">= {NumberFormat.Short(required)}", measured, measured >= required);

    public static DemoCriterion AtMost(string name, double required, double measured) =>
        new(name, $"<= {NumberFormat.Short(required)}", measured, measured <= required);
}
