namespace Skipwise.Reports.Comparing;

/// <summary>One limit held against one model.</summary>
/// <param name="Name">the option, with its limit</param>
/// <param name="Model">who was judged</param>
/// <param name="Finding">the number, or why there is none</param>
/// <param name="Passed">false also where nothing could be judged</param>
public sealed record GateResult(string Name, string Model, string Finding, bool Passed);
