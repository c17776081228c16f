using Skipwise.Evaluation.Scoring;
using Skipwise.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Evaluation.Scoring;

public sealed class ScorerTests
{
    [Fact]
    public void Losses_are_those_of_the_full_logits()
    {
        using CausalLM model = TinyModel.Create();
        int[][] windows = [.. Enumerable.Range(0, 5).Select(i => TinyModel.Tokens((ulong)i, 40))];
        foreach (int scored in (int[])[1, 17, 39])
        {
            float[][] losses = Scorer.Losses(model, windows, scored);
            for (int row = 0; row < windows.Length; row++)
            {
                double[] naive = NaiveLosses(model, windows[row]);
                Assert.Equal(scored, losses[row].Length);
                Assert.All(naive.TakeLast(scored).Zip(losses[row]), pair => Assert.Equal(pair.First, pair.Second, 1e-5));
            }
        }
    }

    [Fact]
    public void Windows_read_in_chunks_give_the_losses_of_one_forward()
    {
        using CausalLM model = TinyModel.Create();
        int length = Scorer.TokensPerForward(model) / 8;
        int[][] windows = [.. Enumerable.Range(0, 9).Select(i => TinyModel.Tokens((ulong)i, length + 1))]; // nine do not fit one forward
        const int scored = 700;
        float[][] chunked = Scorer.Losses(model, windows, scored, chunk: 300);
        for (int row = 0; row < windows.Length; row += 4)
        {
            float[] whole = Scorer.Losses(model, [windows[row]], scored)[0];
            Assert.All(whole.Zip(chunked[row]), pair => Assert.Equal(pair.First, pair.Second, 1e-4));
        }
    }

    [Fact]
    public void A_large_vocabulary_is_scored_piece_by_piece()
    {
        const int vocabulary = 5000; // 3355 tokens at once, of 4000
        using CausalLM model = TinyModel.Create(vocabulary: vocabulary);
        int[][] windows = [.. Enumerable.Range(0, 10).Select(i => TinyModel.Tokens((ulong)i, 401, vocabulary))];
        float[][] losses = Scorer.Losses(model, windows, scored: 400);
        foreach (int row in (int[])[0, 8, 9]) // the ninth window lies across the seam
        {
            Assert.All(NaiveLosses(model, windows[row]).Zip(losses[row]), pair => Assert.Equal(pair.First, pair.Second, 1e-4));
        }
    }

    [Fact]
    public void The_first_token_cannot_be_scored()
    {
        using CausalLM model = TinyModel.Create();
        Assert.Throws<ArgumentOutOfRangeException>(() => Scorer.Losses(model, [[1, 2, 3]], scored: 3));
    }

    /// <summary>-ln softmax in float64 of each token's full logits, one token at a time.</summary>
    internal static double[] NaiveLosses(CausalLM model, int[] window)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        Tensor ids = tensor(window.Select(id => (long)id).ToArray()).unsqueeze(0);
        float[] logits = model.Logits(ids, arange(window.Length, dtype: ScalarType.Int64).unsqueeze(0)).data<float>().ToArray();
        int vocabulary = model.Config.VocabSize;
        return [.. Enumerable.Range(1, window.Length - 1).Select(t =>
        {
            float[] row = logits[((t - 1) * vocabulary)..(t * vocabulary)];
            double max = row.Max();
            return max + Math.Log(row.Sum(score => Math.Exp(score - max))) - row[window[t]];
        })];
    }
}
