namespace Skipwise.Reports;

/// <summary>Perplexity of one variant at one window.</summary>
/// <param name="Variant">one of <see cref="DemoVariant"/></param>
/// <param name="Length">the window, tokens</param>
/// <param name="Value">exp of the mean negative log-likelihood per token</param>
/// <param name="StandardError">of <paramref name="Value"/>, over documents; NaN when there is one document only</param>
/// <param name="Documents">how many documents were scored</param>
public sealed record PerplexityPoint(string Variant, int Length, double Value, double StandardError, int Documents);
