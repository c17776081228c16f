using Skipwise.Rope;

namespace Skipwise.Models;

/// <summary>Default RoPE scaling of an extension.</summary>
/// <param name="Default">the scaling if the user names none</param>
/// <param name="LongRopeOnly">other programs support scaled RoPE for such models only as longrope, with a divisor per pair</param>
public sealed record RopePreference(RopeType Default = RopeType.Yarn, bool LongRopeOnly = false);
