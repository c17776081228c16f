using Skipwise.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Inference;

/// <summary>
/// Continues many prompts that are known from the start, on the caller's thread, by the rounds of an <see cref="InferenceEngine"/>. A
/// <see cref="PrefixCache"/> reads the prompts, those of equal length together, into pages; then all are decoded together, whatever their
/// lengths, and leave the batch as they end.
/// </summary>
internal sealed class EngineBatch : IDisposable
{
    // B prompts of equal length, C hidden, V vocabulary
    private readonly CausalLM _model;
    private readonly KvPagePool _pool;
    private readonly PagedCache _cache;
    private readonly CpuDecodeStep _decode;
    private readonly EngineRound _round;

    private EngineBatch(CausalLM model, KvPageLayout layout, CpuDecoder decoder)
    {
        _model = model;
        _pool = new KvPagePool(model, layout, long.MaxValue); // the caller limits its batches
        _cache = new PagedCache(model);
        _decode = new CpuDecodeStep(decoder, model.Config.VocabSize);
        _round = new EngineRound(model, _pool, _cache, _decode);
        Prefixes = new PrefixCache(model, new PagedPrefix(model, _pool));
    }

    /// <summary>what reads the prompts</summary>
    public PrefixCache Prefixes { get; }

    /// <returns>null if single tokens of this model are not computed by a <see cref="CpuDecoder"/></returns>
    public static EngineBatch? TryCreate(CausalLM model)
    {
        KvPageLayout layout = KvPageLayout.Of(model.Config, KvCacheType.Auto, model.Dtype);
        return CpuDecoder.TryCreate(model, layout, movesWeights: false) is { } decoder ? new EngineBatch(model, layout, decoder) : null;
    }

    /// <summary>pages that hold the cached prefix, or texts</summary>
    public int PagesInUse => _pool.Used;

    /// <summary>Bytes of the keys and values of a text.</summary>
    public long Bytes(int tokens) => KvPageLayout.PagesFor(tokens) * _pool.Layout.PageBytes;

    /// <summary>Generates a continuation of every prompt.</summary>
    /// <param name="prompts">of any lengths; those of one length are read together, in the order in which lengths first occur</param>
    /// <returns>the new ids of every prompt</returns>
    /// <exception cref="SkipwiseException">an id outside the vocabulary, or logits that are not finite</exception>
    public int[][] Generate(IReadOnlyList<int[]> prompts, GenerationOptions options, CancellationToken cancel)
    {
        options.Validate();
        if (prompts.Any(prompt => prompt.Length == 0))
        {
            throw new SkipwiseException("A prompt is empty: a model continues at least one token.");
        }
        var generations = new Generation[prompts.Count];
        try
        {
            foreach (IGrouping<int, int> equallyLong in Enumerable.Range(0, prompts.Count).GroupBy(row => prompts[row].Length))
            {
                int[] rows = [.. equallyLong];
                foreach (int row in rows)
                {
                    generations[row] = new(new() { Prompt = prompts[row], Options = options, Index = row }, cancel);
                }
                Start([.. rows.Select(row => prompts[row])], [.. rows.Select(row => generations[row])], cancel);
            }
            while (_round.Running > 0 && !generations.Any(generation => generation.HasFailed))
            {
                cancel.ThrowIfCancellationRequested();
                using var scope = NewDisposeScope();
                using var _ = no_grad();
                _round.Run();
            }
        }
        finally
        {
            _round.End(new OperationCanceledException()); // none, unless reading or a round has failed
        }
        return
        [
            .. generations.Select(generation => generation.ReadTokens().ToBlockingEnumerable(CancellationToken.None)
                .Where(token => token.Finish is not FinishReason.Stop).Select(token => token.Id).ToArray()),
        ];
    }

    public void Dispose()
    {
        Prefixes.Dispose();
        _decode.Dispose();
        _cache.Dispose();
        _pool.Dispose();
    }

    /// <summary>Reads prompts of equal length and samples their first tokens.</summary>
    private void Start(int[][] prompts, Generation[] generations, CancellationToken cancel)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        (KvText[] caches, Tensor last) = Prefixes.FillPages(prompts, generations[0].Request.Options.PrefillChunk, cancel);
        int open = 0; // those before have an owner
        try
        {
            Tensor logits = _model.Logits(last).to(ScalarType.Float32); // [B, V]
            FiniteCheck.RequireFinite(_model, logits, "scores");
            long[] best = [.. logits.argmax(-1).cpu().data<long>()];
            for (; open < caches.Length; open++)
            {
                var text = new EngineText(_model, generations[open], caches[open]);
                GeneratedToken token = text.Sample(logits[open], (int)best[open]);
                generations[open].Add(token);
                if (token.Finish is null)
                {
                    _round.Add(text);
                }
                else
                {
                    text.Cache.Release();
                }
            }
        }
        finally
        {
            foreach (KvText left in caches.Skip(open))
            {
                left.Release();
            }
        }
    }
}
