namespace Skipwise.Rope;

/// <summary>What every scaling comes down to: position p rotates pair i by p * InvFreq[i]; cos and sin are multiplied by
/// AttentionFactor.</summary>
/// <param name="InvFreq">radians per token, one per dimension pair: double[rotaryDim / 2]</param>
/// <param name="AttentionFactor">scale of cos and sin; attention scores are multiplied by its square</param>
public sealed record RopeFrequencies(double[] InvFreq, double AttentionFactor);
