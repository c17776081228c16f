namespace Skipwise.Reports.Plots;

/// <summary>One trial of a retrieval evaluation.</summary>
/// <param name="Series">the model's key in the legend</param>
/// <param name="Length">prompt length in tokens</param>
/// <param name="Depth">depth of the needle: 0 the beginning of the prompt, 1 its end</param>
/// <param name="Score">0 missed, 1 found; between: partly found</param>
internal sealed record DepthTrial(string Series, int Length, double Depth, double Score);
