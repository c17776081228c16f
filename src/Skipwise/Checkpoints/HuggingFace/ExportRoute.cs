namespace Skipwise.Checkpoints.HuggingFace;

/// <summary>Whether another program can run a model, and how its config.json expresses the rotary embedding for it.</summary>
/// <param name="Engine">the program</param>
/// <param name="Possible">whether it computes the same frequencies and the same attention factor</param>
/// <param name="How">how the rope is expressed; or why it is not possible, and the remedy</param>
internal sealed record ExportRoute(string Engine, bool Possible, string How);
