namespace Skipwise.Reproduction;

/// <summary>A raw line: perplexity of one model at one window.</summary>
/// <param name="Variant">name of the variant</param>
/// <param name="Model">its key in the cache</param>
/// <param name="Seed">null: not trained</param>
/// <param name="Window">in tokens</param>
/// <param name="Documents">each document's contribution; their mean is the perplexity</param>
internal sealed record RawPerplexity(
    string Variant, string Model, ulong? Seed, int Window, double Perplexity, IReadOnlyList<double> Documents);
