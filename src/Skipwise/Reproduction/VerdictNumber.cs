namespace Skipwise.Reproduction;

/// <summary>A number that a verdict rests on.</summary>
/// <param name="Name">what it is: "at 1024 tokens"</param>
/// <param name="Value">the value that the rule compares</param>
/// <param name="Low">lower end of its 95 % interval; null: unknown, or not used by the rule</param>
/// <param name="High">upper end</param>
/// <param name="Limit">what it is compared with</param>
/// <param name="Outcome">by this number alone</param>
internal sealed record VerdictNumber(string Name, double Value, double? Low, double? High, double Limit, Outcome Outcome);
