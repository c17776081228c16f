using CsCheck;
using Skipwise.Inference;
using Skipwise.Kernels;
using Skipwise.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Models;

public class KvCacheTests
{
    [Fact]
    public void A_branch_continues_rows_and_leaves_them_as_they_are()
    {
        using var scope = NewDisposeScope();
        using CausalLM model = TinyModel.Create();
        int[][] texts = [TinyModel.Tokens(1, 9), TinyModel.Tokens(2, 9)],
            ends = [TinyModel.Tokens(3, 4), TinyModel.Tokens(4, 4), TinyModel.Tokens(5, 4)];
        int[] rows = [1, 0, 1];
        using var cache = new KvCache(model.Config, batch: 2, capacity: 9, model.Dtype, model.Device);
        Read(model, texts, 0, cache);
        KvCache Branch(int[] rows, int capacity)
        {
            var branch = new KvCache(model.Config, rows.Length, capacity, model.Dtype, model.Device);
            for (int row = 0; row < rows.Length; row++)
            {
                branch.CopyRow(cache, rows[row], row);
            }
            return branch;
        }
        using (KvCache first = Branch(rows, 13))
        {
            Tensor last = Read(model, ends, 9, first);
            for (int r = 0; r < rows.Length; r++)
            {
                Tensor whole = Read(model, [[.. texts[rows[r]], .. ends[r]]], 0, null);
                Assert.True(last[r].allclose(whole[0].narrow(0, 9, 4), rtol: 1e-4, atol: 1e-5));
            }
        }
        using KvCache second = Branch([0], 13); // the first branch wrote into its own rows
        Assert.True(Read(model, [ends[0]], 9, second)[0]
            .allclose(Read(model, [[.. texts[0], .. ends[0]]], 0, null)[0].narrow(0, 9, 4), rtol: 1e-4, atol: 1e-5));
        Assert.Equal((9, 13), (cache.Length, second.Length));
        Assert.Throws<ArgumentOutOfRangeException>(() => Branch([0], 8));
    }

    public static TheoryData<string, int?, int, bool> Kinds => new(
        from set in KernelSet.All(CPU, ScalarType.Float32)
        from window in (int?[])[null, 6]
        from kvHeads in (int[])[2, 4]
        from hasBlocks in (bool[])[false, true]
        select new TheoryDataRow<string, int?, int, bool>(set.ToString(), window, kvHeads, hasBlocks));

    /// <summary>Read in one forward, generated in one batch; meanwhile rows change their places, and a text leaves the batch.</summary>
    [Theory]
    [MemberData(nameof(Kinds))]
    public void Prompts_of_different_lengths_are_continued_as_each_alone(string set, int? window, int kvHeads, bool hasBlocks)
    {
        const int steps = 9;
        using IDisposable used = Use(set), noGradient = no_grad();
        using var scope = NewDisposeScope();
        using CausalLM model = Model(window, kvHeads);
        int[][] prompts = [TinyModel.Tokens(1, 5), TinyModel.Tokens(2, 60), TinyModel.Tokens(3, 11)];
        GenerationOptions greedy = new() { MaxNewTokens = steps };
        int[][] alone = [.. prompts.Select(prompt => TextGenerator.Generate(model, prompt, greedy))];
        List<int>[] texts = [.. prompts.Select(prompt => prompt.ToList())];
        int[] rows = [0, 1, 2];
        using IKvCache cache = Create(hasBlocks, model, 3, 60 + steps);

        Tensor states = Append(model, cache, [.. prompts.Select(prompt => (int[])[.. prompt, .. new int[60 - prompt.Length]])]);
        foreach (int row in rows)
        {
            cache.CropRow(row, prompts[row].Length);
        }
        Assert.Equal([5, 60, 11], cache.Lengths);
        Assert.Equal([5, 60, 11], cache.NextPositions(2)[.., 0].data<long>().ToArray().Select(position => (int)position));
        Tensor logits = model.Logits(stack([.. rows.Select(row => states[row, prompts[row].Length - 1])]));
        for (int step = 0; ; step++)
        {
            for (int i = 0; i < rows.Length; i++)
            {
                List<int> text = texts[rows[i]];
                Tensor ids = tensor([.. text.Select(id => (long)id)]).unsqueeze(0);
                Tensor expected = model.Logits(ids, Prefill.Positions(0, text.Count, CPU))[0, -1];
                Assert.True(logits[i].allclose(expected, rtol: 1e-5, atol: 1e-5), $"{(logits[i] - expected).abs().max().ToDouble()}");
                text.Add((int)logits[i].argmax().ToInt64());
                Assert.Equal(alone[rows[i]][step], text[^1]);
            }
            if (step == steps - 1)
            {
                break;
            }
            if (step is 2 or 5)
            {
                int[] kept = step == 2 ? [2, 0, 1] : [0, 2];
                cache.SelectRows(kept);
                rows = [.. kept.Select(row => rows[row])];
            }
            logits = model.Logits(Append(model, cache, [.. rows.Select(row => (int[])[texts[row][^1]])]).select(1, 0));
        }
        Assert.Equal([2, 1], rows);
        Assert.Equal([11 + steps - 1, 60 + steps - 1], cache.Lengths);
    }

    /// <summary>What memory held before a short row's tokens reach it is never seen, were it NaN.</summary>
    [Theory]
    [MemberData(nameof(Kinds))]
    public void Rows_of_different_lengths_take_several_tokens_at_once(string set, int? window, int kvHeads, bool hasBlocks)
    {
        using IDisposable used = Use(set), noGradient = no_grad();
        using var scope = NewDisposeScope();
        using CausalLM model = Model(window, kvHeads);
        int[][] starts = [TinyModel.Tokens(1, 3), TinyModel.Tokens(2, 14), []];
        int[][] ends = [TinyModel.Tokens(4, 7), TinyModel.Tokens(5, 7), TinyModel.Tokens(6, 7)];
        using IKvCache cache = Create(hasBlocks, model, 3, 30);
        Tensor nan = full([3, kvHeads, 30, model.Config.HeadDim], double.NaN, ScalarType.Float32);
        for (int layer = 0; layer < model.Config.NumHiddenLayers; layer++)
        {
            cache.Append(layer, nan, nan);
        }
        cache.Advance(30);
        cache.Crop(0);
        for (int row = 0; row < 2; row++)
        {
            using IKvCache read = Create(hasBlocks, model, 1, starts[row].Length);
            Append(model, read, [starts[row]]);
            cache.CopyRow(read, 0, row);
        }
        Assert.Equal([3, 14, 0], cache.Lengths);

        SameAsAlone(Append(model, cache, ends), starts, ends);
        int[] kept = [2, 5, 0];
        for (int row = 0; row < 3; row++)
        {
            cache.CropRow(row, starts[row].Length + kept[row]);
        }
        int[][] others = [TinyModel.Tokens(7, 4), TinyModel.Tokens(8, 4), TinyModel.Tokens(9, 4)];
        SameAsAlone(Append(model, cache, others), [.. starts.Select((start, row) => (int[])[.. start, .. ends[row][..kept[row]]])], others);
        Assert.Throws<ArgumentOutOfRangeException>(() => cache.CropRow(2, 5));
        Assert.Throws<ArgumentOutOfRangeException>(() => cache.SelectRows([]));
        Assert.Throws<InvalidOperationException>(() => Append(model, cache, [.. ends.Select(_ => new int[8])]));

        void SameAsAlone(Tensor states, int[][] before, int[][] added)
        {
            for (int row = 0; row < added.Length; row++)
            {
                Tensor whole = Read(model, [[.. before[row], .. added[row]]], 0, null)[0].narrow(0, before[row].Length, added[row].Length);
                Assert.True(states[row].allclose(whole, rtol: 1e-5, atol: 1e-5), $"{(states[row] - whole).abs().max().ToDouble()}");
            }
        }
    }

    public static TheoryData<bool> Caches => [false, true];

    /// <summary>Rows that stay, leave, change places and are copied, in any number.</summary>
    [Theory]
    [MemberData(nameof(Caches))]
    public void Selected_rows_are_those_they_were(bool hasBlocks) =>
        Gen.Select(Gen.Int[0, 7].Array[1, 6], Gen.Int[0, 6].Array[1, 7].Array[1, 4]).Sample((lengths, selections) =>
        {
            using var scope = NewDisposeScope();
            using CausalLM model = TinyModel.Create();
            (int layers, int heads, int dim) = (model.Config.NumHiddenLayers, model.Config.NumKeyValueHeads, model.Config.HeadDim);
            using IKvCache cache = Create(hasBlocks, model, lengths.Length, 9);
            for (int layer = 0; layer < layers; layer++)
            {
                cache.Append(layer, randn(lengths.Length, heads, 7, dim), randn(lengths.Length, heads, 7, dim));
            }
            cache.Advance(7);
            for (int row = 0; row < lengths.Length; row++)
            {
                cache.CropRow(row, lengths[row]);
            }
            foreach (int[] selection in selections)
            {
                int[] rows = [.. selection.Select(row => row % cache.Rows)];
                (Tensor Keys, Tensor Values)[][] before = [.. Enumerable.Range(0, layers).Select(layer => rows.Select(row =>
                {
                    (Tensor keys, Tensor values) = cache.ReadRow(layer, row);
                    return (keys.clone(), values.clone());
                }).ToArray())];
                int[] expected = [.. rows.Select(row => cache.Lengths[row])];
                long bytesBefore = cache.Bytes;
                int rowsBefore = cache.Rows;
                cache.SelectRows(rows);
                Assert.Equal((rows.Length, rows.Length), (cache.Rows, cache.Lengths.Count));
                Assert.Equal(expected, cache.Lengths);
                Assert.Equal((expected.Max(), expected.Min() != expected.Max()), (cache.Length, cache.IsRagged));
                Assert.True(hasBlocks || cache.Bytes >= 2L * layers * heads * dim * sizeof(float) * 9 * rows.Length);
                Assert.True(rows.Length > rowsBefore || cache.Bytes <= bytesBefore);
                for (int layer = 0; layer < layers; layer++)
                {
                    for (int row = 0; row < rows.Length; row++)
                    {
                        (Tensor keys, Tensor values) = cache.ReadRow(layer, row);
                        Assert.True(keys.allclose(before[layer][row].Keys, rtol: 0, atol: 0));
                        Assert.True(values.allclose(before[layer][row].Values, rtol: 0, atol: 0));
                    }
                }
            }
        }, iter: 60, threads: 1);

    /// <summary>A row that is shorter than what remains stays as it is: its slots beyond hold nothing of its text.</summary>
    [Theory]
    [MemberData(nameof(Caches))]
    public void Cropping_lengthens_no_row(bool hasBlocks)
    {
        using var scope = NewDisposeScope();
        using CausalLM model = TinyModel.Create();
        using IKvCache cache = Create(hasBlocks, model, 3, 9);
        Append(model, cache, [TinyModel.Tokens(1, 8), TinyModel.Tokens(2, 8), TinyModel.Tokens(3, 8)]);
        cache.CropRow(0, 2);
        cache.CropRow(1, 5);
        cache.Crop(5);
        Assert.Equal([2, 5, 5], cache.Lengths);
        Assert.Equal((5, true), (cache.Length, cache.IsRagged));
        cache.Crop(2);
        Assert.Equal([2, 2, 2], cache.Lengths);
        Assert.False(cache.IsRagged);
    }

    [Fact]
    public void Bytes_are_those_of_all_slots_whatever_rows_remain()
    {
        using CausalLM model = TinyModel.Create();
        using var cache = new KvCache(model.Config, 5, 30, ScalarType.BFloat16, CPU);
        Assert.Equal(2L * 2 * 2 * 8 * 5 * 30 * 2, cache.Bytes); // keys and values, layers, heads, dim, rows, slots, bytes
        cache.SelectRows([0, 4, 2]); // in place
        Assert.Equal(2L * 2 * 2 * 8 * 5 * 30 * 2, cache.Bytes);
        cache.SelectRows([1, 0]); // copied
        Assert.Equal(2L * 2 * 2 * 8 * 2 * 30 * 2, cache.Bytes);
    }

    private static IKvCache Create(bool hasBlocks, CausalLM model, int batch, int capacity) => hasBlocks
        ? new BlockKvCache(model.Config, batch, capacity, model.Dtype, model.Device)
        : new KvCache(model.Config, batch, capacity, model.Dtype, model.Device);

    private static IDisposable Use(string set) => KernelSet.Use(KernelSet.All(CPU, ScalarType.Float32).Single(s => s.ToString() == set));

    private static CausalLM Model(int? window, int kvHeads) => TinyModel.Create(initializerRange: 0.2,
        change: config => config with { NumKeyValueHeads = kvHeads, SlidingWindow = window, FirstSlidingLayer = 1 });

    /// <summary>Each row's next tokens, in one forward.</summary>
    private static Tensor Append(CausalLM model, IKvCache cache, int[][] tokens)
    {
        using Tensor ids = TokenTensor.Create(model, tokens), positions = cache.NextPositions(tokens[0].Length);
        using Rotary rotary = model.RotaryFor(positions, 0);
        return model.HiddenStates(ids, rotary, cache);
    }

    private static Tensor Read(CausalLM model, int[][] texts, int start, IKvCache? cache)
    {
        Tensor? states = null;
        int count = texts[0].Length;
        Tensor ids = tensor(texts.SelectMany(text => text).Select(id => (long)id).ToArray(), [texts.Length, count]);
        Prefill.Run(model, ids, Prefill.Positions(start, count, CPU), cache, start + count, count,
            (_, hidden) => states = hidden.clone().MoveToOuterDisposeScope());
        return states!;
    }
}
