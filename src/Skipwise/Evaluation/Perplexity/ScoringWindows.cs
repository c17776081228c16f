namespace Skipwise.Evaluation.Perplexity;

/// <summary>
/// Divides a document into scoring windows, as eval_ppl.py of the PoSE reference code does. A window of W tokens is BOS and a body of at
/// most W - 1 tokens. Every window starts with BOS, also in the middle of a document, and with position 0.
/// </summary>
internal static class ScoringWindows
{
    /// <summary>
    /// Windows that start every <paramref name="stride"/> tokens until the document's end. Each scores only the tokens that no earlier
    /// window contained, so every token is scored once.
    /// </summary>
    /// <param name="documentLength">tokens of the document, without BOS</param>
    /// <param name="windowLength">W, with BOS</param>
    /// <param name="stride">tokens between starts, 1..W - 1: a longer stride would leave out tokens</param>
    public static IEnumerable<ScoringWindow> Sliding(int documentLength, int windowLength, int stride)
    {
        int body = Body(windowLength);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(stride);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(stride, body);
        int seen = 0;
        for (int begin = 0; seen < documentLength; begin += stride)
        {
            int end = Math.Min(begin + body, documentLength);
            yield return new ScoringWindow(begin, end, end - seen);
            seen = end;
        }
    }

    /// <summary>The document's first W - 1 tokens, all of which are scored.</summary>
    public static ScoringWindow Truncated(int documentLength, int windowLength)
    {
        int end = Math.Min(Body(windowLength), documentLength);
        return new ScoringWindow(0, end, end);
    }

    /// <summary>
    /// The document's last W - 1 tokens, of which the last <paramref name="targets"/> are scored. Windows of every length then score the
    /// same tokens and differ only in context.
    /// </summary>
    /// <param name="targets">K, 1..W - 1, and no more than the document has</param>
    public static ScoringWindow LastTokens(int documentLength, int windowLength, int targets)
    {
        int body = Body(windowLength);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(targets);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(targets, Math.Min(body, documentLength));
        return new ScoringWindow(Math.Max(0, documentLength - body), documentLength, targets);
    }

    private static int Body(int windowLength)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(windowLength, 2);
        return windowLength - 1;
    }
}
