using Skipwise.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Inference;

/// <summary>
/// The KV cache of forwards of one text whose keys and values lie in pages. Attention reads them end to end: those of several pages are
/// copied, in every layer of every forward, into memory that all texts share.
/// </summary>
internal sealed class PagedCache(CausalLM model) : IForwardCache, IDisposable
{
    // K kv heads, S slots, D head dim, T new tokens
    private Tensor?[] _joined = [null, null]; // keys and values [K, S, D] in the model's type
    private KvText? _text;

    /// <inheritdoc/>
    public int Length => Text.Length;

    /// <inheritdoc/>
    public bool IsRagged => false;

    /// <summary>The text of the next forwards, with pages for their tokens.</summary>
    /// <exception cref="InvalidOperationException">none was set</exception>
    public KvText Text
    {
        get => _text ?? throw new InvalidOperationException("No text was set.");
        set => _text = value;
    }

    /// <inheritdoc/>
    public Tensor NextPositions(int tokens) => Prefill.Positions(Length, tokens, model.Device);

    /// <inheritdoc/>
    public (Tensor Keys, Tensor Values) Append(int layer, Tensor keys, Tensor values)
    {
        int added = (int)keys.size(2), total = Length + added;
        if (total > Text.Pages.Count * KvPageLayout.PageTokens)
        {
            throw new InvalidOperationException($"The text has {Text.Pages.Count} pages, too few for {total} tokens.");
        }
        using var scope = NewDisposeScope();
        return (Append(layer, 0, keys[0], total).MoveToOuterDisposeScope(), Append(layer, 1, values[0], total).MoveToOuterDisposeScope());
    }

    /// <inheritdoc/>
    /// <remarks>The text's owner advances it, as after a step that does not go through this cache.</remarks>
    public void Advance(int tokens)
    {
    }

    /// <summary>Memory that texts share, once one of that many tokens was read.</summary>
    public static long JoinedBytes(DecoderConfig config, int tokens, ScalarType dtype) =>
        2L * config.NumKeyValueHeads * JoinedSlots(tokens) * config.HeadDim * dtype.ElementSize();

    private static long JoinedSlots(int tokens) =>
        (long)KvPageLayout.PagesFor((int)Math.Min(tokens + (tokens / 4L), int.MaxValue / 2)) * KvPageLayout.PageTokens;

    /// <summary>Frees the memory that texts share.</summary>
    public void Dispose()
    {
        foreach (Tensor? joined in _joined)
        {
            joined?.Dispose();
        }
        _joined = [null, null];
    }

    /// <param name="part">0: keys; 1: values</param>
    /// <param name="added">[K, T, D]</param>
    /// <param name="total">S</param>
    /// <returns>[1, K, S, D]</returns>
    private Tensor Append(int layer, int part, Tensor added, int total)
    {
        for (int token = Length; token < total;)
        {
            (int page, int slot) = Math.DivRem(token, KvPageLayout.PageTokens);
            int count = Math.Min(total - token, KvPageLayout.PageTokens - slot);
            Text.Pages[page].Write(layer, part, slot, added.narrow(1, token - Length, count));
            token += count;
        }
        return (total <= KvPageLayout.PageTokens && Text.Pages[0].Memory.dtype == added.dtype
            ? Text.Pages[0].View(layer, part, 0, total)
            : Join(layer, part, added, total)).unsqueeze(0);
    }

    private Tensor Join(int layer, int part, Tensor added, int total)
    {
        if (_joined[part] is not { } joined || joined.size(1) < total)
        {
            _joined[part]?.Dispose();
            _joined[part] = joined =
                empty([added.size(0), JoinedSlots(total), added.size(2)], added.dtype, added.device).DetachFromDisposeScope();
        }
        for (int page = 0; page * KvPageLayout.PageTokens < total; page++)
        {
            int start = page * KvPageLayout.PageTokens, count = Math.Min(total - start, KvPageLayout.PageTokens);
            Text.Pages[page].Read(layer, part, joined.narrow(1, start, count));
        }
        return joined.narrow(1, 0, total);
    }
}
