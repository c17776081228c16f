namespace Skipwise.Reproduction;

/// <summary>Passkey retrieval of one model at one length.</summary>
/// <param name="Length">of prompt and answer, in tokens</param>
/// <param name="Trials">in their order</param>
internal sealed record PasskeyMeasurement(int Length, IReadOnlyList<MeasuredTrial> Trials);
