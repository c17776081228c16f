namespace Skipwise.Reports.Comparing;

/// <summary>The result of one acceptance limit for one model.</summary>
/// <param name="Name">the option, with its limit</param>
/// <param name="Model">the model's name</param>
/// <param name="Finding">the value, or why there is none</param>
/// <param name="Passed">false also if there is no value</param>
internal sealed record GateResult(string Name, string Model, string Finding, bool Passed);
