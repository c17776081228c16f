using Skipwise.Models;
using Skipwise.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Generation;

/// <summary>
/// Continues texts. A prompt is read once, in chunks; every further token costs one forward of one token.
/// </summary>
/// <remarks>
/// Positions are 0, 1, 2, ... Scalings that depend on the sequence length (dynamic NTK, longrope) use prompt length +
/// <see cref="GenerationOptions.MaxNewTokens"/> for the whole call: cached keys cannot be rotated again when a text grows,
/// and no call leaves a trace in the model, so the same call gives the same text whatever ran before.
/// </remarks>
public static class TextGenerator
{
    // B batch, T tokens, C hidden, V vocabulary

    /// <summary>Continues one text.</summary>
    /// <param name="prompt">token ids, BOS included where the model expects it</param>
    /// <param name="onToken">called with every new id as soon as it is known</param>
    /// <returns>the new ids alone</returns>
    public static int[] Generate(CausalLM model, int[] prompt, GenerationOptions options, Action<int>? onToken = null, CancellationToken cancel = default) =>
        Generate(model, [prompt], options, onToken is null ? null : (_, id) => onToken(id), cancel: cancel)[0];

    /// <summary>Continues several texts; those of equal length share their forwards.</summary>
    /// <param name="prompts">token ids, BOS included where the model expects it</param>
    /// <param name="onToken">called with (prompt's index, new id)</param>
    /// <param name="prefixes">reads what the prompts begin with in common once; null reads every prompt on its own, together with those of its length</param>
    /// <returns>the new ids of every prompt, in the order of the prompts</returns>
    /// <exception cref="SkipwiseException">an empty prompt, an id outside the vocabulary, or a setting out of range</exception>
    public static int[][] Generate(CausalLM model, IReadOnlyList<int[]> prompts, GenerationOptions options, Action<int, int>? onToken = null, PrefixReader? prefixes = null, CancellationToken cancel = default)
    {
        options.Validate();
        if (prompts.Any(prompt => prompt.Length == 0))
        {
            throw new SkipwiseException("The prompt is empty: a model continues at least one token. Give some text, or use a tokenizer that adds BOS.");
        }
        var texts = new List<int>[prompts.Count];
        foreach (IGrouping<int, int> equallyLong in Enumerable.Range(0, prompts.Count).GroupBy(row => prompts[row].Length))
        {
            int[] rows = [.. equallyLong];
            ContinueTogether(model, rows, prompts, texts, options, onToken, prefixes, cancel);
        }
        return [.. texts.Select(text => text.ToArray())];
    }

    private static void ContinueTogether(
        CausalLM model, int[] rows, IReadOnlyList<int[]> prompts, List<int>[] texts, GenerationOptions options, Action<int, int>? onToken, PrefixReader? prefixes, CancellationToken cancel)
    {
        using var scope = NewDisposeScope();
        int[][] ownPrompts = [.. rows.Select(row => prompts[row])];
        int capacity = ownPrompts[0].Length + options.MaxNewTokens;
        var isOpen = new bool[rows.Length];
        Array.Fill(isOpen, true);
        foreach (int row in rows)
        {
            texts[row] = [];
        }
        using KvCache? own = prefixes is null ? new KvCache(model.Config, rows.Length, capacity, model.Dtype, model.Device) : null;
        (KvCache cache, float[] scores) = own is null
            ? Scores(model, prefixes!.Read(ownPrompts, capacity, options.PrefillChunk, cancel))
            : (own, Scores(model, ownPrompts, own, capacity, options.PrefillChunk, cancel));
        for (int step = 0; ; step++)
        {
            var next = new int[rows.Length][];
            for (int i = 0; i < rows.Length; i++)
            {
                // A draw is a function of the seed, the text and the place in it, not of what else is in the batch.
                var rng = new KeyedRandom(options.Seed, stream: (ulong)rows[i], index: (ulong)step);
                int vocabulary = scores.Length / rows.Length;
                int id = Sampler.Pick(scores.AsSpan(i * vocabulary, vocabulary), options, ref rng);
                next[i] = [id];
                isOpen[i] &= !options.StopTokens.Contains(id);
                if (isOpen[i])
                {
                    texts[rows[i]].Add(id);
                    onToken?.Invoke(rows[i], id);
                }
            }
            if (step + 1 == options.MaxNewTokens || !isOpen.Contains(true))
            {
                return;
            }
            scores = Scores(model, next, cache, capacity, chunk: 1, cancel);
        }
    }

    /// <summary>Reads the rows and scores what may follow their last token: [B, V], flat.</summary>
    private static float[] Scores(
        CausalLM model, IReadOnlyList<int[]> rows, KvCache cache, int sequenceLength, int? chunk, CancellationToken cancel)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        Tensor inputIds = TokenTensor.From(model, rows); // [B, T]
        int tokens = (int)inputIds.size(1);
        Tensor positionIds = Prefill.Positions(cache.Length, tokens, model.Device);
        float[] scores = [];
        Prefill.Read(model, inputIds, positionIds, cache, sequenceLength, chunk, (offset, hidden) =>
        {
            long count = hidden.size(1);
            if (offset + count == tokens)
            {
                scores = Scores(model, hidden.select(1, count - 1)); // [B, C]
            }
        }, cancel);
        return scores;
    }

    private static (KvCache Cache, float[] Scores) Scores(CausalLM model, (KvCache Cache, Tensor Last) read) => (read.Cache, Scores(model, read.Last));

    /// <param name="last">[B, C]</param>
    private static float[] Scores(CausalLM model, Tensor last)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        float[] scores = model.Logits(last).to(ScalarType.Float32).cpu().data<float>().ToArray();
        FiniteWeights.RequireResults(model, scores, "scores");
        return scores;
    }
}
