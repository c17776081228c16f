using Skipwise.Evaluation.Scoring;
using Skipwise.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Evaluation.Scoring;

public sealed class EvaluationLMTests
{
    private static (int[][] Prompts, int[][] Answers) Questions()
    {
        int[] context = TinyModel.Tokens(1, 40);
        int[][] prompts =
            [.. Enumerable.Range(0, 12).Select(i => (int[])[.. context[..(10 + i)], .. TinyModel.Tokens((ulong)(20 + i), 6 + i % 3)])];
        return (prompts, [.. Enumerable.Range(0, 12).Select(i => TinyModel.Tokens((ulong)(50 + i), 1 + i % 4))]);
    }

    [Theory]
    [InlineData(1), InlineData(16), InlineData(null)]
    public void Scores_are_those_of_one_forward_over_prompt_and_answer(int? batchSize)
    {
        using CausalLM model = TinyModel.Create(initializerRange: 0.5);
        (int[][] prompts, int[][] answers) = Questions();
        answers[3] = [NaiveBest(model, prompts[3])]; // one that the model would give
        using var lm = new EvaluationLM(model, batchSize);
        (int Index, AnswerScore Score)[] scores = [.. lm.LogLikelihood(prompts, answers).OrderBy(score => score.Index)];
        Assert.Equal(Enumerable.Range(0, 12), scores.Select(score => score.Index));
        foreach ((int i, AnswerScore score) in scores)
        {
            (bool[] best, double[] logProbs) = Naive(model, prompts[i], answers[i]);
            Assert.Equal(best, score.IsGreedy);
            Assert.All(logProbs.Zip(score.LogProbs), pair => Assert.Equal(pair.First, pair.Second, 1e-4));
            Assert.Equal(best.All(b => b), score.IsCorrect);
            Assert.Equal(logProbs.Average(), score.MeanLogProb, 1e-4);
        }
        Assert.True(scores[3].Score.IsCorrect);
        Assert.Contains(scores, score => !score.Score.IsCorrect);
    }

    [Fact]
    public void Prompts_that_begin_alike_are_read_together_and_every_prompt_is_answered_once()
    {
        using CausalLM model = TinyModel.Create();
        (int[][] prompts, _) = Questions();
        int[][] alike = [.. Enumerable.Range(0, 8).Select(i => (int[])[.. TinyModel.Tokens(1, 30), 2 + i, 3])];
        using var lm = new EvaluationLM(model, batchSize: 3);
        Assert.Equal(Enumerable.Range(0, 8), lm.GenerateUntil(alike, 2, []).Select(answer => answer.Index).Order());
        Assert.Equal(32 + 7 * 2, lm.PromptTokensProcessed);
        Assert.Equal(Enumerable.Range(0, 12), lm.GenerateUntil(prompts, 2, []).Select(answer => answer.Index).Order());
    }

    [Theory]
    [InlineData(64, 4), InlineData(128, 2), InlineData(256, 1), InlineData(131072, 1), InlineData(3, 64)]
    public void A_batch_holds_as_many_rows_as_256_megabytes_of_keys_and_values(int length, int rows)
    {
        // 2 x 32 layers x 32 heads x 128 x 4 bytes: a megabyte per token
        var config =
            new DecoderConfig
            {
                VocabSize = 2,
                HiddenSize = 4096,
                IntermediateSize = 2,
                NumHiddenLayers = 32,
                NumAttentionHeads = 32,
                NumKeyValueHeads = 32,
                HeadDim = 128,
                MaxPositionEmbeddings = 2
            };
        Assert.Equal(rows, KvCache.MaxBatchSize(config, ScalarType.Float32, CPU, length));
    }

    private static (bool[] Best, double[] LogProbs) Naive(CausalLM model, int[] prompt, int[] answer)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        long[] ids = [.. prompt.Concat(answer).Select(id => (long)id)];
        Tensor logProbs = model.Logits(tensor(ids).unsqueeze(0), arange(ids.Length, dtype: ScalarType.Int64).unsqueeze(0))[0]
            .log_softmax(-1);
        return (
            [.. answer.Select((id, t) => logProbs[prompt.Length + t - 1].argmax().item<long>() == id)],
            [.. answer.Select((id, t) => (double)logProbs[prompt.Length + t - 1, id].item<float>())]);
    }

    private static int NaiveBest(CausalLM model, int[] prompt)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        return (int)model.Logits(tensor(prompt.Select(id => (long)id).ToArray()).unsqueeze(0),
            arange(prompt.Length, dtype: ScalarType.Int64).unsqueeze(0))[0, -1].argmax().item<long>();
    }
}
