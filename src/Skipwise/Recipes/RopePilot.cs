namespace Skipwise.Recipes;

/// <summary>What came of a pilot.</summary>
/// <param name="Rope">the scaling, as on the command line</param>
/// <param name="Perplexity">on the held-out documents at the target length; null: the training failed, or it is not finite</param>
/// <param name="StandardError">of it, over documents; null with one document</param>
/// <param name="ShortPerplexity">at the training length</param>
/// <param name="Failure">why the training failed; null: it did not</param>
internal sealed record RopePilot(
    string Rope, double? Perplexity, double? StandardError = null, double? ShortPerplexity = null, string? Failure = null);
