namespace Skipwise.Checkpoints.Formats.Torch;

/// <summary>A global name in a pickle, which is not resolved.</summary>
internal sealed record PickleGlobal(string Name);
