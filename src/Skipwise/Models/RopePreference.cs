using Skipwise.Rope;

namespace Skipwise.Models;

/// <summary>Which scaling an extension uses where the user leaves the choice.</summary>
/// <param name="Default">the scaling if the user names none</param>
/// <param name="LongRopeOnly">other programs take a scaled rope of such models in one form only: longrope, a divisor for every pair</param>
public sealed record RopePreference(RopeType Default = RopeType.Yarn, bool LongRopeOnly = false);
