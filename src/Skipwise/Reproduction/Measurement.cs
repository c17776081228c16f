namespace Skipwise.Reproduction;

/// <summary>The content of a measurement's file.</summary>
/// <param name="Settings">what decides the result</param>
/// <param name="Result">the result</param>
internal sealed record Measurement<T>(IReadOnlyDictionary<string, string> Settings, T Result);
