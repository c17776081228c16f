namespace Skipwise.Inference;

/// <summary>
/// The units into which the attention of one layer is divided: a page of a text and a key/value head each. They depend on the text alone,
/// so that its sums have one order.
/// </summary>
/// <param name="kvHeads">K</param>
/// <param name="window">tokens of the sliding window; null: none</param>
internal sealed class AttentionUnits(int kvHeads, int? window)
{
    private int[] _firstTokens = [], _firstUnits = [], _pages = [];
    private int _rows;

    /// <summary>number of units</summary>
    public int Count { get; private set; }

    /// <summary>Divides the texts of a step.</summary>
    /// <param name="lengths">tokens of each text before this step</param>
    public void Set(ReadOnlySpan<int> lengths)
    {
        if (_pages.Length < lengths.Length)
        {
            (_firstTokens, _firstUnits, _pages) = (new int[lengths.Length], new int[lengths.Length], new int[lengths.Length]);
        }
        (_rows, Count) = (lengths.Length, 0);
        for (int row = 0; row < lengths.Length; row++)
        {
            _firstTokens[row] = window is { } tokens ? Math.Max(0, lengths[row] + 1 - tokens) : 0;
            _firstUnits[row] = Count;
            _pages[row] = (lengths[row] / KvPageLayout.PageTokens) - (_firstTokens[row] / KvPageLayout.PageTokens) + 1;
            Count += _pages[row] * kvHeads;
        }
    }

    /// <summary>What a unit is.</summary>
    public (int Row, int Page, int KvHead) Locate(int unit)
    {
        int row = _rows - 1;
        while (_firstUnits[row] > unit)
        {
            row--;
        }
        int inRow = unit - _firstUnits[row];
        return (row, (_firstTokens[row] / KvPageLayout.PageTokens) + (inRow / kvHeads), inRow % kvHeads);
    }

    /// <summary>First token of a row that its new token attends to.</summary>
    public int FirstToken(int row) => _firstTokens[row];

    /// <summary>Pages of a row that its new token attends to.</summary>
    public int Pages(int row) => _pages[row];

    /// <summary>The unit of a row's first page and key/value head 0.</summary>
    public int FirstUnit(int row) => _firstUnits[row];
}
