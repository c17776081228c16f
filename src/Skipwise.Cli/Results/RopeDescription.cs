namespace Skipwise.Cli.Results;

/// <summary>The rotary frequencies of a model.</summary>
/// <param name="Rope">the scaling in words</param>
/// <param name="OriginalLength">the window before any extension, in tokens</param>
/// <param name="Length">the window, in tokens</param>
/// <param name="AttentionFactor">factor of the rotated queries and keys</param>
internal sealed record RopeDescription(string Rope, int OriginalLength, int Length, double AttentionFactor, IReadOnlyList<RopePair> Pairs);
