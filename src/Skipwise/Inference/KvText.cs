namespace Skipwise.Inference;

/// <summary>The keys and values of one text, in pages of a pool. Token i is in slot i % <see cref="KvPageLayout.PageTokens"/> of page
/// i / <see cref="KvPageLayout.PageTokens"/>.</summary>
internal sealed class KvText(KvPagePool pool)
{
    private readonly List<KvPage> _pages = [];

    /// <summary>tokens whose keys and values are stored</summary>
    public int Length { get; private set; }

    /// <summary>in order; the last may be unfilled</summary>
    public IReadOnlyList<KvPage> Pages => _pages;

    /// <summary>Takes pages for further tokens.</summary>
    /// <param name="tokens">T</param>
    /// <returns>false: the pool is used up; what was taken stays</returns>
    public bool TryReserve(int tokens)
    {
        while (_pages.Count < KvPageLayout.PagesFor(Length + tokens))
        {
            if (pool.Rent() is not { } page)
            {
                return false;
            }
            _pages.Add(page);
        }
        return true;
    }

    /// <summary>Whether there is a page for the next token.</summary>
    public bool HasRoom => Length < _pages.Count * KvPageLayout.PageTokens;

    /// <summary>Takes pages that hold the beginning of this text, in place of its own with the same tokens and beyond its length, which
    /// is a whole number of pages.</summary>
    /// <param name="pages">each with a reference that becomes this text's</param>
    public void TakeOver(IReadOnlyList<KvPage> pages)
    {
        for (int i = 0; i < pages.Count; i++)
        {
            if (i < _pages.Count)
            {
                pool.Release(_pages[i]);
                _pages[i] = pages[i];
            }
            else
            {
                _pages.Add(pages[i]);
            }
        }
        Length = Math.Max(Length, pages.Count * KvPageLayout.PageTokens);
    }

    /// <summary>Counts tokens whose keys and values were written in all layers.</summary>
    public void Advance(int tokens) => Length += tokens;

    /// <summary>Gives all pages back.</summary>
    public void Release()
    {
        _pages.ForEach(pool.Release);
        _pages.Clear();
        Length = 0;
    }
}
