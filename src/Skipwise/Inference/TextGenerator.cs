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
/// prompt's length. Calls do not change the model. An <see cref="InferenceEngine"/> generates faster on the CPU.
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
        Sampler sampler = new(options);
        foreach (int row in rows)
        {
            texts[row] = [];
        }
        int[] open = rows; // prompt's index of each row of the cache; a text that has ended is no longer computed
        int length = prompts[rows[0]].Length, capacity = length + options.MaxNewTokens;
        using KvCache? own = prefixes is null ? new KvCache(model.Config, rows.Length, capacity, model.Dtype, model.Device) : null;
        (IKvCache Cache, Tensor Logits) FromTheStart()
        {
            int[][] whole = [.. open.Select(row => (int[])[.. prompts[row], .. texts[row]])];
            own?.Crop(0);
            return own is null
                ? LastLogits(model, prefixes!.Fill(whole, length, options.PrefillChunk, capacity, cancel))
                : (own, LastLogits(model, whole, own, length, options.PrefillChunk, cancel));
        }
        (IKvCache cache, Tensor logits) = FromTheStart();
        for (int step = 0; ; step++)
        {
            int[] ids;
            using (logits)
            {
                // A draw is a function of the seed, the text and the position, and does not depend on the rest of the batch.
                double[] uniforms =
                    [.. open.Select(row => new KeyedRandom(options.Seed, stream: (ulong)row, index: (ulong)step).NextDouble())];
                using Tensor sampled = sampler.Sample(logits, uniforms);
                ids = Sampler.Read(sampled);
            }
            bool[] goesOn = [.. ids.Select(id => !options.StopTokens.Contains(id))];
            for (int i = 0; i < open.Length; i++)
            {
                if (goesOn[i])
                {
                    texts[open[i]].Add(ids[i]);
                    onToken?.Invoke(open[i], ids[i]);
                }
            }
            int[] kept = KeptRows(goesOn);
            if (step + 1 == options.MaxNewTokens || kept.Length == 0)
            {
                return;
            }
            if (kept.Length < open.Length)
            {
                cache.SelectRows(kept);
                open = [.. kept.Select(i => open[i])];
            }
            length++;
            if (model.HaveSameRotation(length - 1, length))
            {
                logits = LastLogits(model, [.. kept.Select(i => (int[])[ids[i]])], cache, length, chunk: 1, cancel);
            }
            else
            {
                (cache, logits) = FromTheStart();
            }
        }
    }

    /// <summary>The rows of texts that go on. The last ones replace those that have ended, so that few keys and values move.</summary>
    private static int[] KeptRows(bool[] goesOn)
    {
        List<int> kept = [.. Enumerable.Range(0, goesOn.Length)];
        for (int i = 0; i < kept.Count;)
        {
            if (goesOn[kept[i]])
            {
                i++;
            }
            else
            {
                kept[i] = kept[^1];
                kept.RemoveAt(kept.Count - 1);
            }
        }
        return [.. kept];
    }

    /// <summary>Prefills the rows and computes the logits of their next tokens: float32 [B, V].</summary>
    private static Tensor LastLogits(
        CausalLM model, IReadOnlyList<int[]> rows, IKvCache cache, int sequenceLength, int? chunk, CancellationToken cancel)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        Tensor inputIds = TokenTensor.Create(model, rows); // [B, T]
        int tokens = (int)inputIds.size(1);
        Tensor positionIds = cache.NextPositions(tokens);
        Tensor? logits = null;
        Prefill.Run(model, inputIds, positionIds, cache, sequenceLength, chunk, (offset, hidden) =>
        {
            long count = hidden.size(1);
            if (offset + count == tokens)
            {
                logits = LastLogits(model, hidden.select(1, count - 1)).MoveToOuterDisposeScope(); // [B, C]
            }
        }, cancel);
        return logits!.MoveToOuterDisposeScope();
    }

    private static (IKvCache Cache, Tensor Logits) LastLogits(CausalLM model, (IKvCache Cache, Tensor Last) read)
    {
        using Tensor last = read.Last;
        return (read.Cache, LastLogits(model, last));
    }

    /// <param name="last">[B, C]</param>
    private static Tensor LastLogits(CausalLM model, Tensor last)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        Tensor logits = model.Logits(last).to(ScalarType.Float32);
        FiniteCheck.RequireFinite(model, logits, "scores");
        return logits.MoveToOuterDisposeScope();
    }
}
