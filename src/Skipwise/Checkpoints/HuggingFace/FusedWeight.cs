namespace Skipwise.Checkpoints.HuggingFace;

/// <summary>Canonical tensors that a family stores as one.</summary>
/// <param name="Stored">part of the joint tensor's name, before the family's renames</param>
/// <param name="Canonical">parts of the canonical names, in the order in which they are joined</param>
/// <param name="PerHead">joined head by head (q1 k1 v1 q2 k2 v2 ...) rather than whole (q k v)</param>
public sealed record FusedWeight(string Stored, IReadOnlyList<string> Canonical, bool PerHead = false);
