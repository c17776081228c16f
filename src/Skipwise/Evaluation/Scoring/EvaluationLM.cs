using Skipwise.Inference;
using Skipwise.Models;

namespace Skipwise.Evaluation.Scoring;

/// <summary>
/// The language model under evaluation: generates answers to prompts, or scores given answers. Prompts of equal length share forwards,
/// prompts with a common prefix share its prefill, and batches are limited by the memory of their keys and values.
/// </summary>
internal sealed class EvaluationLM(CausalLM model, int? batchSize) : IDisposable
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
        foreach (int[] batch in Batches(prompts, _ => maxNewTokens))
        {
            int[][] answers =
                TextGenerator.Generate(model, [.. batch.Select(i => prompts[i])], greedy, cancel: cancel, prefixes: _prefixCache);
            for (int row = 0; row < batch.Length; row++)
            {
                yield return (batch[row], answers[row]);
            }
        }
    }

    /// <summary>Scores given answers.</summary>
    /// <param name="answers">one per prompt, at least one token each</param>
    /// <returns>as <see cref="GenerateUntil"/></returns>
    public IEnumerable<(int Index, AnswerScore Score)> LogLikelihood(IReadOnlyList<int[]> prompts, IReadOnlyList<int[]> answers,
        CancellationToken cancel = default)
    {
        foreach (int[] batch in Batches(prompts, i => answers[i].Length))
        {
            AnswerScore[] scores =
                AnswerScorer.Score(model, [.. batch.Select(i => prompts[i])], [.. batch.Select(i => answers[i])], _prefixCache, cancel);
            for (int row = 0; row < batch.Length; row++)
            {
                yield return (batch[row], scores[row]);
            }
        }
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
