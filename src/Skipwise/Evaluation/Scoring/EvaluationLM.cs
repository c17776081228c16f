using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Skipwise.Distributed;
using Skipwise.Inference;
using Skipwise.Models;

namespace Skipwise.Evaluation.Scoring;

/// <summary>
/// The language model under evaluation: generates answers to prompts, or scores given answers. Prompts of equal length share forwards,
/// prompts with a common prefix share its prefill, and batches are limited by the memory of their keys and values.
/// Several ranks divide the batches; each has all replies, which are the same to the last bit for every number of ranks.
/// </summary>
/// <param name="model">the same on all ranks</param>
/// <param name="batchSize">prompts of a batch; null: as many as memory and their length allow</param>
/// <param name="ranks">those that ask the same; null: one process</param>
internal sealed class EvaluationLM(CausalLM model, int? batchSize, ICollective? ranks = null) : IDisposable
{
    private readonly PrefixCache _prefixCache = new(model);

    /// <summary>tokens prefilled for prompts; fewer than the prompts have if they share prefixes</summary>
    public long PromptTokensProcessed => _prefixCache.TokensProcessed;

    /// <summary>Answers by greedy decoding.</summary>
    /// <param name="stop">ids that end an answer</param>
    /// <returns>(index of the prompt, ids of its answer), batch by batch; every prompt once, in any order</returns>
    public IEnumerable<(int Index, int[] Answer)> GenerateUntil(IReadOnlyList<int[]> prompts, int maxNewTokens, IReadOnlyList<int> stop,
        CancellationToken cancel = default)
    {
        var greedy = new GenerationOptions { MaxNewTokens = maxNewTokens, StopTokens = stop };
        return Ask(prompts, _ => maxNewTokens, [maxNewTokens, .. stop], batch =>
            TextGenerator.Generate(model, [.. batch.Select(i => prompts[i])], greedy, cancel: cancel, prefixes: _prefixCache), cancel);
    }

    /// <summary>Scores given answers.</summary>
    /// <param name="answers">one per prompt, at least one token each</param>
    /// <returns>as <see cref="GenerateUntil"/></returns>
    public IEnumerable<(int Index, AnswerScore Score)> LogLikelihood(IReadOnlyList<int[]> prompts, IReadOnlyList<int[]> answers,
        CancellationToken cancel = default) =>
        Ask(prompts, i => answers[i].Length, [.. answers.SelectMany(answer => answer)], batch =>
            AnswerScorer.Score(model, [.. batch.Select(i => prompts[i])], [.. batch.Select(i => answers[i])], _prefixCache, cancel),
            cancel);

    /// <param name="terms">what replies depend on besides the prompts</param>
    /// <param name="reply">of the prompts of a batch</param>
    private IEnumerable<(int Index, TReply Reply)> Ask<TReply>(IReadOnlyList<int[]> prompts, Func<int, int> answerLength, int[] terms,
        Func<int[], TReply[]> reply, CancellationToken cancel)
    {
        int[][] batches = [.. Batches(prompts, answerLength)];
        PrefixPlan plan = _prefixCache.Plan(batches.Select(batch => (int[][])[.. batch.Select(i => prompts[i])]));
        ICollective all = ranks ?? SingleProcess.Instance;
        all.RequireSame("the prompts", () => Identity(prompts, batches, terms), cancel);
        (long, long)[] costs =
        [
            .. plan.Tokens.Zip(batches, (tokens, batch) => (tokens.First + Answers(batch), tokens.Next + Answers(batch))),
        ];
        return Spread.Run(all, batches.Length, count => Spread.InRuns(costs, count), batch =>
            {
                _prefixCache.Expect(plan.SplitsOf(batch));
                return reply(batches[batch]);
            }, cancel)
            .SelectMany(computed => batches[computed.Unit].Zip(computed.Result));

        long Answers(int[] batch) => batch.Sum(i => (long)answerLength(i));
    }

    private static string Identity(IReadOnlyList<int[]> prompts, int[][] batches, int[] terms)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (int[] numbers in (IEnumerable<int[]>)[.. prompts, .. batches, terms])
        {
            hash.AppendData(BitConverter.GetBytes(numbers.Length));
            hash.AppendData(MemoryMarshal.AsBytes(numbers.AsSpan()));
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private IEnumerable<int[]> Batches(IReadOnlyList<int[]> prompts, Func<int, int> answerLength) => Enumerable.Range(0, prompts.Count)
        .GroupBy(i => (Prompt: prompts[i].Length, Answer: model.RotationDependsOnLength ? answerLength(i) : 0))
        .OrderByDescending(group => group.Key) // the longest first, so that running out of memory happens early
        .SelectMany(group => GroupByPrefix([.. group], prompts, answerLength)
            .Chunk(batchSize ?? MaxBatchSize(group.Key.Prompt + group.Max(answerLength))));

    private int MaxBatchSize(int tokens) => KvCache.MaxBatchSize(model.Config, model.Dtype, model.Device, tokens);

    /// <summary>Orders prompts so that common prefixes are adjacent; equal prompts always are. Short prompts are batched anyway and
    /// ordered by answer length, which saves padding.</summary>
    private IEnumerable<int> GroupByPrefix(int[] rows, IReadOnlyList<int[]> prompts, Func<int, int> answerLength)
    {
        List<List<int>> distinct = PrefixCache.Distinct([.. rows.Select(row => prompts[row])]);
        bool areShort = prompts[rows[0]].Length < model.Budget.PrefillTokens;
        IEnumerable<List<int>> ordered = areShort ? distinct.OrderByDescending(equal => equal.Max(i => answerLength(rows[i]))) : distinct;
        return ordered.SelectMany(equal => equal).Select(i => rows[i]);
    }

    public void Dispose() => _prefixCache.Dispose();
}
