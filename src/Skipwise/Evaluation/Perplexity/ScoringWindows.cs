namespace Skipwise.Evaluation.Perplexity;

/// <summary>
/// Which tokens of a document are scored in which context. A window of W tokens is BOS and a body of at most W - 1 tokens;
/// BOS stands before every window, also in the middle of a document, and positions start at 0 in each
/// (the semantics of the original's eval_ppl.py).
/// </summary>
public static class ScoringWindows
{
    /// <summary>
    /// Windows that begin every <paramref name="stride"/> tokens until the document's end is reached; in each only the tokens
    /// that no earlier window has seen count, so every token counts once.
    /// </summary>
    /// <param name="documentLength">tokens of the document, without BOS</param>
    /// <param name="windowLength">W, with BOS</param>
    /// <param name="stride">tokens between beginnings, 1..W - 1: a longer stride would leave tokens that no window sees</param>
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

    /// <summary>The document's first W - 1 tokens, all of which count.</summary>
    public static ScoringWindow Truncated(int documentLength, int windowLength)
    {
        int end = Math.Min(Body(windowLength), documentLength);
        return new ScoringWindow(0, end, end);
    }

    /// <summary>
    /// The document's last W - 1 tokens, of which the last <paramref name="targets"/> count: windows of every length are then
    /// judged on the same tokens, and differ only in the context that they give.
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
