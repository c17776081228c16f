namespace Skipwise.Checkpoints.Formats.Torch;

/// <summary>A name in a pickle: all that is known of it is how to spell it.</summary>
internal sealed record PickleGlobal(string Name);
