using Skipwise.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Inference;

/// <summary>
/// The memory of all texts' keys and values, in pages. It grows with use up to a limit; then prefixes that no text uses give way, those
/// used least recently first.
/// </summary>
internal sealed class KvPagePool : IDisposable
{
    private readonly Stack<KvPage> _free = new();
    private readonly Device _device;
    private int _pages; // allocated so far

    /// <param name="model">whose keys and values they are</param>
    /// <param name="layout">of a page</param>
    /// <param name="bytes">limit; at least one page is possible</param>
    public KvPagePool(CausalLM model, KvPageLayout layout, long bytes)
    {
        (Layout, _device) = (layout, model.Device);
        Capacity = (int)Math.Clamp(bytes / layout.PageBytes, 1, int.MaxValue / KvPageLayout.PageTokens);
        Prefixes = new PrefixTree(this, model.HaveSameRotation);
    }

    public KvPageLayout Layout { get; }

    /// <summary>pages at most</summary>
    public int Capacity { get; }

    /// <summary>bytes of memory that are allocated</summary>
    public long Bytes => _pages * Layout.PageBytes;

    /// <summary>pages that hold a text's tokens or a kept prefix's</summary>
    public int Used => _pages - _free.Count;

    /// <summary>what was read before and is kept</summary>
    public PrefixTree Prefixes { get; }

    /// <summary>A page with one reference; null if all are in use.</summary>
    public KvPage? Rent()
    {
        if (_free.Count == 0 && _pages == Capacity && !Prefixes.ForgetOne())
        {
            return null;
        }
        if (!_free.TryPop(out KvPage? page))
        {
            page = new KvPage(Layout, _device);
            _pages++;
        }
        page.References = 1;
        return page;
    }

    /// <summary>Takes back one reference.</summary>
    public void Release(KvPage page)
    {
        if (--page.References == 0)
        {
            _free.Push(page);
        }
    }

    /// <summary>Frees the memory, after all texts were released.</summary>
    public void Dispose()
    {
        Prefixes.Clear();
        foreach (KvPage page in _free)
        {
            page.Dispose();
        }
        _free.Clear();
    }
}
