namespace Skipwise.Reports.Plots;

/// <summary>One trial of a retrieval.</summary>
/// <param name="Series">the model's key in the lineup</param>
/// <param name="Length">the prompt, tokens</param>
/// <param name="Depth">where the hidden thing stood: 0 the beginning of the prompt, 1 its end</param>
/// <param name="Score">0 missed, 1 found; in between: parts of it</param>
public sealed record DepthTrial(string Series, int Length, double Depth, double Score);
