namespace Skipwise.Checkpoints.HuggingFace;

/// <summary>Canonical tensors that a family stores as one fused tensor.</summary>
/// <param name="Stored">part of the fused tensor's name, before the family's renames</param>
/// <param name="Canonical">parts of the canonical names, in the order of concatenation</param>
/// <param name="PerHead">fused head by head (q1 k1 v1 q2 k2 v2 ...) rather than whole (q k v)</param>
public sealed record FusedWeight(string Stored, IReadOnlyList<string> Canonical, bool PerHead = false);
