namespace Skipwise.Reports;

/// <summary>Perplexity of one variant at one window.</summary>
/// <param name="Variant">one of <see cref="DemoVariant"/></param>
/// <param name="Length">window in tokens</param>
/// <param name="Value">exp of the mean negative log-likelihood per token</param>
/// <param name="StandardError">of <paramref name="Value"/>, over documents; NaN if there is only one document</param>
/// <param name="Documents">number of documents scored</param>
internal sealed record PerplexityPoint(string Variant, int Length, double Value, double StandardError, int Documents);
