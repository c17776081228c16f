using Skipwise.Evaluation.Scoring;
using Skipwise.Evaluation.Tasks;
using Skipwise.Models;
using Skipwise.Rope;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Evaluation.Tasks;

/// <summary>Requests of the benchmark tasks, scored by the <see cref="EvaluationLM"/>.</summary>
public class RequestScorerTests
{
    /// <summary>Naive reference: one plain forward per request, its logits and softmax in float64.</summary>
    private static RequestScore Naive(CausalLM model, TaskRequest request)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        int inputs = request.Tokens.Length - 1, vocabulary = model.Config.VocabSize;
        float[] logits =
            model.Logits(tensor(request.Tokens[..^1].Select(id => (long)id).ToArray()).unsqueeze(0),
                arange(inputs, dtype: ScalarType.Int64).unsqueeze(0)).data<float>().ToArray();
        double sum = 0;
        bool greedy = true;
        for (int position = inputs - request.ContinuationLength; position < inputs; position++)
        {
            double[] row = [.. logits[(position * vocabulary)..((position + 1) * vocabulary)].Select(logit => (double)logit)];
            int target = request.Tokens[position + 1];
            sum += row[target] - row.Max() - Math.Log(row.Sum(logit => Math.Exp(logit - row.Max())));
            greedy &= Array.IndexOf(row, row.Max()) == target;
        }
        return new(sum, greedy);
    }

    /// <summary>Prompts of several lengths; choices of 1 to 6 tokens, some beginning alike; one prompt with a single choice, one without a
    /// common beginning.</summary>
    private static List<TaskRequest> Requests()
    {
        var requests = new List<TaskRequest>();
        for (int prompt = 0; prompt < 12; prompt++)
        {
            int[] context = TinyModel.Tokens((ulong)prompt, 5 + prompt % 4 * 9), alike = TinyModel.Tokens((ulong)prompt + 50, 2);
            for (int choice = 0; choice < (prompt == 3 ? 1 : 4); choice++)
            {
                int[] continuation = TinyModel.Tokens((ulong)(100 + prompt * 10 + choice), 1 + (prompt + choice) % 6);
                int[] own = choice % 2 == 0 ? [.. alike, .. continuation] : continuation;
                int[] before = prompt == 5 ? TinyModel.Tokens((ulong)(900 + choice), 6) : context;
                requests.Add(new(0, [.. before, .. own], own.Length));
            }
        }
        requests.Add(new(0, TinyModel.Tokens(1, 2), 1)); // one token to read
        return requests;
    }

    private static Dictionary<TaskRequest, RequestScore> Score(CausalLM model, IReadOnlyList<TaskRequest> requests, int? batchSize)
    {
        using var lm = new EvaluationLM(model, batchSize);
        return lm.LogLikelihood([.. requests.Select(request => request.Prompt)], [.. requests.Select(request => request.Answer)])
            .ToDictionary(reply => requests[reply.Index], reply => new RequestScore(reply.Score.LogProbs.Sum(), reply.Score.IsCorrect));
    }

    [Theory]
    [InlineData(1), InlineData(3), InlineData(16), InlineData(null)]
    public void Every_batch_gives_what_plain_forwards_give(int? batchSize)
    {
        using CausalLM model = TinyModel.Create();
        List<TaskRequest> requests = Requests();
        Dictionary<TaskRequest, RequestScore> scores = Score(model, requests, batchSize);
        Assert.Equal(requests.Count, scores.Count);
        int greedy = 0;
        foreach (TaskRequest request in requests)
        {
            RequestScore naive = Naive(model, request);
            Assert.Equal(naive.LogLikelihood, scores[request].LogLikelihood, 1e-4);
            Assert.Equal(naive.IsGreedy, scores[request].IsGreedy);
            greedy += naive.IsGreedy ? 1 : 0;
        }
        Assert.InRange(greedy, 0, requests.Count - 1);
    }

    [Fact]
    public void What_the_model_would_say_is_greedy()
    {
        using CausalLM model = TinyModel.Create();
        int[] context = TinyModel.Tokens(5, 12), answer = [];
        for (int i = 0; i < 4; i++)
        {
            answer = [.. answer,
                Enumerable.Range(0, TinyModel.Vocabulary).First(token => Naive(model, new(0, [.. context, .. answer, token], 1)).IsGreedy)];
        }
        TaskRequest right = new(0, [.. context, .. answer], 4),
            wrong = new(0, [.. context, .. answer[..3], (answer[3] + 1) % TinyModel.Vocabulary], 4);
        Dictionary<TaskRequest, RequestScore> scores = Score(model, [right, wrong], 2);
        Assert.True(scores[right].IsGreedy);
        Assert.False(scores[wrong].IsGreedy);
    }

    [Fact]
    public void A_rotation_that_depends_on_the_length_shares_nothing()
    {
        using CausalLM model =
            TinyModel.Create(rope: new RopeOptions { Type = RopeType.DynamicNtk, Factor = 4, OriginalMaxPositionEmbeddings = 16 });
        List<TaskRequest> requests = Requests();
        Dictionary<TaskRequest, RequestScore> scores = Score(model, requests, 4);
        Assert.All(requests, request => Assert.Equal(Naive(model, request).LogLikelihood, scores[request].LogLikelihood, 1e-4));
    }

    [Fact]
    public void Beginnings_too_long_for_one_forward_are_read_in_chunks()
    {
        using CausalLM model = TinyModel.Create();
        int length = Scorer.TokensPerForward(model) / 4;
        TaskRequest[] requests =
            [.. Enumerable.Range(0, 10)
                .Select(i =>
                    new TaskRequest(0, [.. TinyModel.Tokens((ulong)(i / 2), length), .. TinyModel.Tokens((ulong)(100 + i), 5)], 5))];
        Dictionary<TaskRequest, RequestScore> scores = Score(model, requests, 5); // 5 x 2048 tokens
        Assert.All(requests.Take(3), request => Assert.Equal(Naive(model, request).LogLikelihood, scores[request].LogLikelihood, 2e-4));
        TaskRequest[] alone = [.. requests.Take(5).Select(request => request with { ContinuationLength = 1500 })];
        scores = Score(model, alone, 5);
        Assert.Equal(Naive(model, alone[0]).LogLikelihood, scores[alone[0]].LogLikelihood, 5e-2); // a sum of 1500 terms of about 6
    }

    /// <summary>Four questions with 20 tokens in common and 10 of their own, two answers each. A prompt that comes again is not read
    /// again.</summary>
    [Theory]
    [InlineData(1, 20 + (4 * 10)), InlineData(2, 20 + (4 * 10)), InlineData(4, 20 + (4 * 10)), InlineData(8, 20 + (4 * 10))]
    public void What_requests_begin_with_is_read_once(int batchSize, int tokens)
    {
        using CausalLM model = TinyModel.Create();
        int[] alike = TinyModel.Tokens(1, 20);
        int[][] contexts = [.. Enumerable.Range(0, 4).Select(i => (int[])[.. alike, 2 + i, .. TinyModel.Tokens((ulong)(10 + i), 9)])];
        int[][] prompts = [.. contexts.Concat(contexts)];
        using var lm = new EvaluationLM(model, batchSize);
        Assert.Equal(8,
            lm.LogLikelihood(prompts, [.. prompts.Select((_, i) => TinyModel.Tokens((ulong)(30 + i), 1 + i / 4))]).Count());
        Assert.Equal(tokens, lm.PromptTokensProcessed);
    }

    [Fact]
    public void The_longest_come_first()
    {
        using CausalLM model = TinyModel.Create();
        using var lm = new EvaluationLM(model, 2);
        int[][] prompts = [.. new[] { 3, 9, 3, 3, 9, 7 }.Select((length, i) => TinyModel.Tokens((ulong)i, length))];
        Assert.Equal([9, 9, 7, 3, 3, 3],
            lm.LogLikelihood(prompts, [.. prompts.Select(_ => new[] { 4 })]).Select(reply => prompts[reply.Index].Length));
    }

    [Fact]
    public void Nothing_stays_behind()
    {
        using CausalLM model = TinyModel.Create();
        List<TaskRequest> requests = Requests();
        Score(model, requests, 4);
        long before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        Score(model, requests, 4);
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }
}
