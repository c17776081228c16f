namespace Skipwise.Checkpoints.HuggingFace;

/// <summary>Whether a program runs a model as it was trained, and the comparison that the answer rests on.</summary>
/// <param name="Program">the program</param>
/// <param name="Route">the answer in words</param>
/// <param name="Rotation">what it computes from the config.json; null for a program that reads no such file</param>
internal sealed record ExportVerdict(ExportTarget Program, ExportRoute Route, ConsumerVerdict? Rotation);
