namespace Skipwise.Reproduction;

/// <summary>A raw line: how often windows of one kind cover a distance.</summary>
/// <param name="Windows">their kind: "2 chunks"</param>
/// <param name="TrainLength">Lc in tokens</param>
/// <param name="TargetLength">Lt in tokens</param>
/// <param name="Distance">1..Lt - 1</param>
/// <param name="Probability">that one window covers it</param>
/// <param name="Samples">windows that were drawn; null: exact</param>
/// <param name="StandardError">of the probability; null: exact</param>
internal sealed record RawCoverage(
    string Windows, int TrainLength, int TargetLength, int Distance, double Probability, int? Samples, double? StandardError);
