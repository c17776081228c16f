using Skipwise.Models;
using Skipwise.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Inference;

/// <summary>
/// Generates continuations of texts. A prompt is prefilled once, in chunks; every further token takes a forward of one token.
/// </summary>
/// <remarks>
/// Positions are 0, 1, 2, ... Scalings that depend on the sequence length (dynamic NTK, longrope) use the text's current length, never the
/// limit. If one more token changes the rotation, the text is prefilled again, because keys and values above the first layer depend on the
/// rotation of earlier tokens. So a token equals the result of one forward over the text before it, whatever the limit, the chunks and the
/// prompt's length. Calls do not change the model.
/// </remarks>
public static class TextGenerator
{
    // B batch, T tokens, C hidden, V vocabulary

    /// <summary>Generates a continuation of one text.</summary>
    /// <param name="prompt">token ids, including BOS if the model expects it</param>
    /// <param name="onToken">called with every new id immediately</param>
    /// <returns>the new ids alone</returns>
    public static int[] Generate(CausalLM model, int[] prompt, GenerationOptions options, Action<int>? onToken = null,
        CancellationToken cancel = default) =>
        Generate(model, [prompt], options, onToken is null ? null : (_, id) => onToken(id), cancel: cancel)[0];

    /// <summary>Generates continuations of several texts; those of equal length share their forwards.</summary>
    /// <param name="prompts">token ids, including BOS if the model expects it</param>
    /// <param name="onToken">called with (prompt's index, new id)</param>
    /// <param name="prefixes">prefills common prefixes once; null: prefills every prompt completely, batched with those of its
    /// length</param>
    /// <returns>the new ids of every prompt, in the order of the prompts</returns>
    /// <exception cref="SkipwiseException">an empty prompt, an id outside the vocabulary, or a setting out of range</exception>
    public static int[][] Generate(CausalLM model, IReadOnlyList<int[]> prompts, GenerationOptions options,
        Action<int, int>? onToken = null, PrefixCache? prefixes = null, CancellationToken cancel = default)
    {
        options.Validate();
        if (prompts.Any(prompt => prompt.Length == 0))
        {
            throw new SkipwiseException(
                "The prompt is empty: a model continues at least one token. Give some text, or use a tokenizer that adds BOS.");
        }
        var texts = new List<int>[prompts.Count];
        foreach (IGrouping<int, int> equallyLong in Enumerable.Range(0, prompts.Count).GroupBy(row => prompts[row].Length))
        {
            int[] rows = [.. equallyLong];
            GenerateBatch(model, rows, prompts, texts, options, onToken, prefixes, cancel);
        }
        return [.. texts.Select(text => text.ToArray())];
    }

    private static void GenerateBatch(
        CausalLM model, int[] rows, IReadOnlyList<int[]> prompts, List<int>[] texts, GenerationOptions options, Action<int, int>? onToken,
        PrefixCache? prefixes, CancellationToken cancel)
    {
        using var scope = NewDisposeScope();
        // includes tokens after a stop token, so that rows stay equally long
        List<int>[] whole = [.. rows.Select(row => new List<int>(prompts[row]))];
        int length = whole[0].Count, capacity = length + options.MaxNewTokens;
        var isOpen = new bool[rows.Length];
        Array.Fill(isOpen, true);
        foreach (int row in rows)
        {
            texts[row] = [];
        }
        using KvCache? own = prefixes is null ? new KvCache(model.Config, rows.Length, capacity, model.Dtype, model.Device) : null;
        (KvCache Cache, float[] Scores) FromTheStart()
        {
            int[][] texts = [.. whole.Select(text => text.ToArray())];
            own?.Crop(0);
            return own is null
                ? LastLogits(model, prefixes!.Fill(texts, length, options.PrefillChunk, capacity, cancel))
                : (own, LastLogits(model, texts, own, length, options.PrefillChunk, cancel));
        }
        (KvCache cache, float[] scores) = FromTheStart();
        for (int step = 0; ; step++)
        {
            var next = new int[rows.Length][];
            for (int i = 0; i < rows.Length; i++)
            {
                // A draw is a function of the seed, the text and the position, and does not depend on the rest of the batch.
                var rng = new KeyedRandom(options.Seed, stream: (ulong)rows[i], index: (ulong)step);
                int vocabulary = scores.Length / rows.Length;
                int id = Sampler.Sample(scores.AsSpan(i * vocabulary, vocabulary), options, ref rng);
                next[i] = [id];
                whole[i].Add(id);
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
            length++;
            if (model.HaveSameRotation(length - 1, length))
            {
                scores = LastLogits(model, next, cache, length, chunk: 1, cancel);
            }
            else
            {
                (cache, scores) = FromTheStart();
            }
        }
    }

    /// <summary>Prefills the rows and computes the logits of their next tokens: [B, V], flat.</summary>
    private static float[] LastLogits(
        CausalLM model, IReadOnlyList<int[]> rows, KvCache cache, int sequenceLength, int? chunk, CancellationToken cancel)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        Tensor inputIds = TokenTensor.Create(model, rows); // [B, T]
        int tokens = (int)inputIds.size(1);
        Tensor positionIds = cache.NextPositions(tokens);
        float[] scores = [];
        Prefill.Run(model, inputIds, positionIds, cache, sequenceLength, chunk, (offset, hidden) =>
        {
            long count = hidden.size(1);
            if (offset + count == tokens)
            {
                scores = LastLogits(model, hidden.select(1, count - 1)); // [B, C]
            }
        }, cancel);
        return scores;
    }

    private static (KvCache Cache, float[] Scores) LastLogits(CausalLM model, (KvCache Cache, Tensor Last) read) =>
        (read.Cache, LastLogits(model, read.Last));

    /// <param name="last">[B, C]</param>
    private static float[] LastLogits(CausalLM model, Tensor last)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        float[] scores = model.Logits(last).to(ScalarType.Float32).cpu().data<float>().ToArray();
        FiniteCheck.RequireFinite(model, scores, "scores");
        return scores;
    }
}
