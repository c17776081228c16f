using Skipwise.Generation;
using Skipwise.Models;
using TorchSharp;

namespace Skipwise.Evaluation;

/// <summary>
/// A model that sits a retrieval test: prompts in, answers out. Prompts of equal length share their decoding steps, prompts that begin
/// alike share the reading of their beginning, and no batch holds more keys and values than memory allows.
/// </summary>
internal sealed class Respondent(CausalLM model, int? batchSize) : IDisposable
{
    /// <summary>memory of the key/value cache that bounds a batch when no batch size is given</summary>
    private const long CacheBytes = 256L << 20;

    private readonly PrefixReader _prefixes = new(model);

    /// <summary>tokens that went through the model for prompts; less than the prompts have where they share beginnings</summary>
    public long PromptTokensRead => _prefixes.TokensRead;

    /// <summary>Answers greedily.</summary>
    /// <param name="stop">ids that end an answer</param>
    /// <returns>(index of the prompt, ids of its answer), batch by batch; every prompt once, not in their order</returns>
    public IEnumerable<(int Index, int[] Answer)> Answer(IReadOnlyList<int[]> prompts, int maxNewTokens, IReadOnlyList<int> stop, CancellationToken cancel = default)
    {
        var greedy = new GenerationOptions { MaxNewTokens = maxNewTokens, StopTokens = stop };
        foreach (int[] batch in Batches(prompts, _ => maxNewTokens))
        {
            int[][] answers = TextGenerator.Generate(model, [.. batch.Select(i => prompts[i])], greedy, cancel: cancel, prefixes: _prefixes);
            for (int row = 0; row < batch.Length; row++)
            {
                yield return (batch[row], answers[row]);
            }
        }
    }

    /// <summary>Scores given answers.</summary>
    /// <param name="answers">one per prompt, at least one token each</param>
    /// <returns>as <see cref="Answer"/></returns>
    public IEnumerable<(int Index, AnswerScore Score)> Score(IReadOnlyList<int[]> prompts, IReadOnlyList<int[]> answers, CancellationToken cancel = default)
    {
        foreach (int[] batch in Batches(prompts, i => answers[i].Length))
        {
            AnswerScore[] scores = AnswerScorer.Score(model, [.. batch.Select(i => prompts[i])], [.. batch.Select(i => answers[i])], _prefixes, cancel);
            for (int row = 0; row < batch.Length; row++)
            {
                yield return (batch[row], scores[row]);
            }
        }
    }

    private IEnumerable<int[]> Batches(IReadOnlyList<int[]> prompts, Func<int, int> answerLength) => Enumerable.Range(0, prompts.Count)
        .GroupBy(i => (Prompt: prompts[i].Length, Answer: answerLength(i)))
        .OrderBy(group => group.Key)
        .SelectMany(group => group.OrderBy(i => prompts[i], TokenOrder.Instance).Chunk(batchSize ?? BatchFor(model.Config, model.Dtype.ElementSize(), group.Key.Prompt + group.Key.Answer)));

    /// <summary>Rows whose keys and values fit the cache: 1 to 64.</summary>
    internal static int BatchFor(DecoderConfig config, long elementBytes, int length)
    {
        long bytesPerToken = 2L * config.NumHiddenLayers * config.NumKeyValueHeads * config.HeadDim * elementBytes;
        return (int)Math.Clamp(CacheBytes / (bytesPerToken * length), 1, 64);
    }

    public void Dispose() => _prefixes.Dispose();
}
