using Skipwise.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Inference;

/// <summary>A text in pages. Its whole pages are shared with the texts that go on from it, and are not written again.</summary>
internal sealed class PagedPrefix(CausalLM model, KvPagePool pool) : IPrefixMemory
{
    // K kv heads, D head dim, L tokens
    private readonly PagedCache _cache = new(model);
    private KvText _text = new(pool);

    /// <inheritdoc/>
    public void Crop(int length, int capacity)
    {
        if (length < _text.Length)
        {
            KvText longer = _text;
            _text = Fork(length);
            longer.Release();
        }
    }

    /// <inheritdoc/>
    public void Read(int[] tokens, int sequenceLength, int? chunk, Action<int, Tensor> visit, CancellationToken cancel)
    {
        Reserve(_text, tokens.Length);
        _cache.Text = _text;
        Prefill.Run(model, TokenTensor.Create(model, [tokens]), _cache.NextPositions(tokens.Length), _cache, sequenceLength, chunk,
            (offset, states) =>
            {
                _text.Advance((int)states.size(1));
                visit(offset, states);
            }, cancel);
    }

    /// <inheritdoc/>
    public void CopyTo(KvCache rows, int row) => rows.WriteRow(row, _text.Length, (layer, keys, values) =>
    {
        for (int page = 0, start = 0; start < _text.Length; page++, start += KvPageLayout.PageTokens)
        {
            int count = Math.Min(KvPageLayout.PageTokens, _text.Length - start);
            _text.Pages[page].Read(layer, 0, keys.narrow(1, start, count));
            _text.Pages[page].Read(layer, 1, values.narrow(1, start, count));
        }
    });

    /// <summary>Another text that begins like this one.</summary>
    public KvText Fork() => Fork(_text.Length);

    /// <summary>A text with the keys and values of a row.</summary>
    public KvText Copy(KvCache rows, int row) => Create(text =>
    {
        int length = rows.Lengths[row];
        Reserve(text, length);
        for (int layer = 0; layer < model.Config.NumHiddenLayers; layer++)
        {
            using var scope = NewDisposeScope();
            (Tensor keys, Tensor values) = rows.ReadRow(layer, row); // [K, L, D]
            for (int page = 0, start = 0; start < length; page++, start += KvPageLayout.PageTokens)
            {
                int count = Math.Min(KvPageLayout.PageTokens, length - start);
                text.Pages[page].Write(layer, 0, 0, keys.narrow(1, start, count));
                text.Pages[page].Write(layer, 1, 0, values.narrow(1, start, count));
            }
        }
        text.Advance(length);
    });

    public void Dispose()
    {
        _text.Release();
        _cache.Dispose();
    }

    private KvText Fork(int length) => Create(text =>
    {
        (int whole, int rest) = Math.DivRem(length, KvPageLayout.PageTokens);
        KvPage[] pages = [.. _text.Pages.Take(whole)];
        foreach (KvPage page in pages)
        {
            page.References++;
        }
        text.TakeOver(pages);
        if (rest > 0)
        {
            using var scope = NewDisposeScope();
            Reserve(text, rest);
            const int tokens = 3; // dimension of a page
            text.Pages[whole].Memory.narrow(tokens, 0, rest).copy_(_text.Pages[whole].Memory.narrow(tokens, 0, rest));
            text.Advance(rest);
        }
    });

    /// <summary>A text whose pages are given back if it cannot be filled.</summary>
    private KvText Create(Action<KvText> fill)
    {
        var text = new KvText(pool);
        try
        {
            fill(text);
            return text;
        }
        catch
        {
            text.Release();
            throw;
        }
    }

    private static void Reserve(KvText text, int tokens)
    {
        if (!text.TryReserve(tokens))
        {
            throw new InvalidOperationException("The pages are used up.");
        }
    }
}
