namespace Skipwise.Evaluation.Perplexity;

/// <summary>Which tokens of a document are scored.</summary>
public enum WindowMode
{
    /// <summary>every token, in windows that start every Stride tokens</summary>
    Sliding,
    /// <summary>the first window of each document</summary>
    Truncate,
    /// <summary>the last <see cref="PerplexityOptions.ScoredTokens"/> tokens of each document, the same for every window length</summary>
    LastTokens,
}

/// <summary>Options of the perplexity evaluation. The defaults are those of the PoSE reference code.</summary>
public sealed record PerplexityOptions
{
    /// <summary>window lengths W in tokens, BOS included; one result each</summary>
    [Within(2, 1 << 27)]
    public required IReadOnlyList<int> Windows { get; init; }
    /// <summary>which tokens are scored</summary>
    public WindowMode Mode { get; init; } = WindowMode.Sliding;
    /// <summary>sliding: tokens between the starts of two windows; a window shorter than this slides by W - 1</summary>
    [Within(1, 1 << 27)]
    public int Stride { get; init; } = 1024;
    /// <summary>last-tokens: tokens scored at each document's end; documents with fewer are skipped</summary>
    [Within(1, 1 << 27)]
    public int ScoredTokens { get; init; } = 64;
    /// <summary>documents shorter than this (BOS included) are skipped</summary>
    [Within(0, 1 << 27)]
    public int MinTokens { get; init; }
    /// <summary>longer documents are cut to this many tokens (BOS included); null keeps them whole</summary>
    [Within(2, 1 << 27)]
    public int? MaxTokens { get; init; }
    /// <summary>number of documents to evaluate, the first that are long enough; null: all</summary>
    [Within(1, 1e9)]
    public int? MaxDocuments { get; init; } = 50;
    /// <summary>
    /// sliding: tokens of all documents together; the document in which the limit is reached is cut, but not below
    /// <see cref="MinTokens"/>, and later documents are left out. Null: no limit
    /// </summary>
    [Within(1, 1 << 30)]
    public int? MaxTotalTokens { get; init; }
    /// <summary>number of equal parts of each window for the loss by position; null: no loss by position</summary>
    [Within(1, 1 << 16)]
    public int? PositionBins { get; init; }
    /// <summary>windows per forward; null: as many as make efficient use of the device</summary>
    [Within(1, 1 << 16)]
    public int? BatchSize { get; init; }

    /// <summary>Throws one error that names every setting out of range.</summary>
    public void Validate()
    {
        var problems = new List<string>();
        if (Windows.Count == 0) { problems.Add("no window length is given"); }
        if (Mode == WindowMode.LastTokens)
        {
            foreach (int window in Windows.Where(window => window >= 2 && window <= ScoredTokens))
            {
                problems.Add($"window {window} does not hold BOS and the {ScoredTokens} target tokens");
            }
        }
        if (MaxTokens is { } max && max < Math.Max(2, MinTokens))
        {
            problems.Add($"{OptionName.Of(nameof(PerplexityOptions.MaxTokens))} is {max}; it must be at least 2 and not below "
                + $"{OptionName.Of(nameof(PerplexityOptions.MinTokens))} ({MinTokens})");
        }
        if (PositionBins is { } parts && (parts < 1 || Windows.Any(window => parts > window - 1)))
        {
            problems.Add($"{OptionName.Of(nameof(PerplexityOptions.PositionBins))} is {parts}; "
                + "a window of W tokens has from 1 to W - 1 parts");
        }
        OptionCheck.Require("Perplexity", this, problems);
    }
}
