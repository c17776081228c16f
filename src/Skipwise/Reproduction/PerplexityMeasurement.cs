namespace Skipwise.Reproduction;

/// <summary>Perplexity of one model at one window.</summary>
/// <param name="Window">in tokens</param>
/// <param name="Perplexity">over all tokens of all documents</param>
/// <param name="Documents">each document's contribution (<see cref="Skipwise.Evaluation.Perplexity.PerplexityResult.Samples"/>); their mean
/// is <paramref name="Perplexity"/></param>
internal sealed record PerplexityMeasurement(int Window, double Perplexity, IReadOnlyList<double> Documents);
