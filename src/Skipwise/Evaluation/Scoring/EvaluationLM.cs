using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Skipwise.Distributed;
using Skipwise.Inference;
using Skipwise.Models;

namespace Skipwise.Evaluation.Scoring;

/// <summary>
/// The language model under evaluation: generates answers to prompts, or scores given answers. Prompts of equal length share forwards,
/// prompts with a common prefix share its prefill, and batches are limited by the memory of their keys and values. Answers of prompts of
/// any lengths are generated together where a <see cref="EngineBatch"/> can.
/// Several ranks divide the batches; each has all replies, which are the same to the last bit for every number of ranks.
/// </summary>
/// <param name="model">the same on all ranks</param>
/// <param name="batchSize">prompts of a batch; null: as many as memory and their length allow</param>
/// <param name="ranks">those that ask the same; null: one process</param>
internal sealed class EvaluationLM(CausalLM model, int? batchSize, ICollective? ranks = null) : IDisposable
{
    private const int MostPrompts = 16; // of a batch, which one rank computes and which is told as a whole

    private readonly PrefixCache _prefixCache = new(model);
    private EngineBatch? _engine; // null: not needed yet, or not for this model

    /// <summary>tokens prefilled for prompts; fewer than the prompts have if they share prefixes</summary>
    public long PromptTokensProcessed => _prefixCache.TokensProcessed + (_engine?.Prefixes.TokensProcessed ?? 0);

    /// <summary>Answers by greedy decoding.</summary>
    /// <param name="stop">ids that end an answer</param>
    /// <returns>(index of the prompt, ids of its answer), batch by batch; every prompt once, in any order</returns>
    public IEnumerable<(int Index, int[] Answer)> GenerateUntil(IReadOnlyList<int[]> prompts, int maxNewTokens, IReadOnlyList<int> stop,
        CancellationToken cancel = default)
    {
        var greedy = new GenerationOptions { MaxNewTokens = maxNewTokens, StopTokens = stop };
        int[] terms = [maxNewTokens, .. stop];
        // Texts whose rotation changes are read again for every token, which is faster in batches of equal length.
        bool keepRotation = prompts.All(prompt => model.HaveSameRotation(prompt.Length, prompt.Length + maxNewTokens - 1));
        return keepRotation && (_engine ??= EngineBatch.TryCreate(model)) is { } engine
            ? Ask(prompts, MixedBatches(prompts, maxNewTokens, engine), engine.Prefixes, _ => maxNewTokens, terms,
                batch => engine.Generate([.. batch.Select(i => prompts[i])], greedy, cancel), cancel)
            : Ask(prompts, Batches(prompts, _ => maxNewTokens), _prefixCache, _ => maxNewTokens, terms, batch =>
                TextGenerator.Generate(model, [.. batch.Select(i => prompts[i])], greedy, cancel: cancel, prefixes: _prefixCache), cancel);
    }

    /// <summary>Scores given answers.</summary>
    /// <param name="answers">one per prompt, at least one token each</param>
    /// <returns>as <see cref="GenerateUntil"/></returns>
    public IEnumerable<(int Index, AnswerScore Score)> LogLikelihood(IReadOnlyList<int[]> prompts, IReadOnlyList<int[]> answers,
        CancellationToken cancel = default) =>
        Ask(prompts, Batches(prompts, i => answers[i].Length), _prefixCache, i => answers[i].Length,
            [.. answers.SelectMany(answer => answer)], batch =>
                AnswerScorer.Score(model, [.. batch.Select(i => prompts[i])], [.. batch.Select(i => answers[i])], _prefixCache, cancel),
            cancel);

    /// <param name="batches">indices of prompts</param>
    /// <param name="prefixes">reads the prompts of a batch, those of one length together</param>
    /// <param name="terms">what replies depend on besides the prompts</param>
    /// <param name="reply">of the prompts of a batch</param>
    private IEnumerable<(int Index, TReply Reply)> Ask<TReply>(IReadOnlyList<int[]> prompts, int[][] batches, PrefixCache prefixes,
        Func<int, int> answerLength, int[] terms, Func<int[], TReply[]> reply, CancellationToken cancel)
    {
        int[][][] groups = [.. batches.Select(batch => batch.GroupBy(i => prompts[i].Length).Select(group => group.ToArray()).ToArray())];
        PrefixPlan plan = prefixes.Plan(groups.SelectMany(group => group).Select(group => (int[][])[.. group.Select(i => prompts[i])]));
        ICollective all = ranks ?? SingleProcess.Instance;
        all.RequireSame("the prompts", () => Identity(prompts, batches, terms), cancel);
        int[] firsts = new int[batches.Length + 1]; // groups before each batch
        var costs = new (long, long)[batches.Length];
        for (int batch = 0; batch < batches.Length; batch++)
        {
            firsts[batch + 1] = firsts[batch] + groups[batch].Length;
            (long first, long next) = plan.Tokens[firsts[batch]];
            long others = batches[batch].Sum(i => (long)answerLength(i))
                + plan.Tokens.Take(firsts[batch + 1]).Skip(firsts[batch] + 1).Sum(tokens => tokens.Next);
            costs[batch] = (first + others, next + others);
        }
        return Spread.Run(all, batches.Length, count => Spread.InRuns(costs, count), batch =>
            {
                prefixes.Expect(Enumerable.Range(firsts[batch], groups[batch].Length).SelectMany(plan.SplitsOf));
                return reply(batches[batch]);
            }, cancel)
            .SelectMany(computed => batches[computed.Unit].Zip(computed.Result));
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

    private int[][] Batches(IReadOnlyList<int[]> prompts, Func<int, int> answerLength) =>
    [
        .. ByLength(prompts, answerLength).SelectMany(rows => GroupByPrefix(rows, prompts, answerLength)
            .Chunk(batchSize ?? MaxBatchSize(prompts[rows[0]].Length + rows.Max(answerLength)))),
    ];

    /// <summary>Batches of prompts of any lengths: the longer a batch, the fewer steps compute all answers.</summary>
    private int[][] MixedBatches(IReadOnlyList<int[]> prompts, int answerLength, EngineBatch engine)
    {
        var batches = new List<List<int>>();
        long bytes = 0;
        foreach (int i in ByLength(prompts, _ => answerLength).SelectMany(rows => GroupByPrefix(rows, prompts, _ => answerLength)))
        {
            long own = engine.Bytes(prompts[i].Length + answerLength);
            bytes += own;
            if (batches.Count == 0 || batches[^1].Count == (batchSize ?? MostPrompts)
                || (batchSize is null && bytes > model.Budget.CacheBytes))
            {
                batches.Add([]);
                bytes = own;
            }
            batches[^1].Add(i);
        }
        return [.. batches.Select(batch => batch.ToArray())];
    }

    /// <summary>Prompts of equal length; the longest first, so that running out of memory happens early.</summary>
    private IEnumerable<int[]> ByLength(IReadOnlyList<int[]> prompts, Func<int, int> answerLength) => Enumerable.Range(0, prompts.Count)
        .GroupBy(i => (Prompt: prompts[i].Length, Answer: model.RotationDependsOnLength ? answerLength(i) : 0))
        .OrderByDescending(group => group.Key)
        .Select(group => group.ToArray());

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

    public void Dispose()
    {
        _engine?.Dispose();
        _prefixCache.Dispose();
    }
}
