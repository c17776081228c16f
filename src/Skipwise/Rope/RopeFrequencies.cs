namespace Skipwise.Rope;

/// <summary>The frequencies of a rotary embedding. Position p rotates pair i by p * InvFreq[i]; cos and sin are multiplied by
/// AttentionFactor.</summary>
/// <param name="InvFreq">radians per token, one per dimension pair: double[rotaryDim / 2]</param>
/// <param name="AttentionFactor">scale of cos and sin; so attention scores are scaled by its square</param>
public sealed record RopeFrequencies(double[] InvFreq, double AttentionFactor);
