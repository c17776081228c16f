namespace Skipwise.Checkpoints.HuggingFace;

/// <summary>Whether a program outside can run a model, and in what terms its rotary embedding is told to it.</summary>
/// <param name="Engine">the program</param>
/// <param name="Possible">it computes the same frequencies and the same attention factor</param>
/// <param name="How">the terms; or why not, and what would do</param>
public sealed record ExportRoute(string Engine, bool Possible, string How);
