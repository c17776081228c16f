using Skipwise.Inference;
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

    private static Tensor Read(CausalLM model, int[][] texts, int start, KvCache? cache)
    {
        Tensor? states = null;
        int count = texts[0].Length;
        Tensor ids = tensor(texts.SelectMany(text => text).Select(id => (long)id).ToArray(), [texts.Length, count]);
        Prefill.Run(model, ids, Prefill.Positions(start, count, CPU), cache, start + count, count,
            (_, hidden) => states = hidden.clone().MoveToOuterDisposeScope());
        return states!;
    }
}
