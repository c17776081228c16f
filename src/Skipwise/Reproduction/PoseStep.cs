namespace Skipwise.Reproduction;

/// <summary>A training step of PoSE that was run.</summary>
/// <param name="TargetLength">Lt in tokens; the window has half of the shortest target</param>
/// <param name="Bytes">peak of the process's resident memory above that before the model was made; null: this system does not tell</param>
/// <param name="Seconds">wall clock</param>
internal sealed record PoseStep(int TargetLength, long? Bytes, double Seconds);
