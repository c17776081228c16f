namespace Skipwise.Positions;

/// <summary>The split points of a document, where a chunk may be cut: right after one of the given tokens. Empty: anywhere.</summary>
internal readonly ref struct SplitPoints(ReadOnlySpan<int> document, int leadingTokens, IReadOnlyList<int> splitAfter)
{
    private readonly ReadOnlySpan<int> _document = document;

    /// <summary>
    /// The split point in [first, last] nearest to the drawn one, the earlier of two equally near; the drawn one if there is none.
    /// A split point is the index of the token after the cut.
    /// </summary>
    public int Nearest(int drawn, int first, int last)
    {
        if (_document.IsEmpty || splitAfter.Count == 0)
        {
            return drawn;
        }
        int farthest = Math.Max(drawn - first, last - drawn);
        for (int step = 0; step <= farthest; step++)
        {
            if (drawn - step >= first && Allowed(drawn - step))
            {
                return drawn - step;
            }
            if (drawn + step <= last && Allowed(drawn + step))
            {
                return drawn + step;
            }
        }
        return drawn;
    }

    private bool Allowed(int place)
    {
        int before = place - 1 - leadingTokens;
        return before >= 0 && splitAfter.Contains(_document[before]);
    }
}
