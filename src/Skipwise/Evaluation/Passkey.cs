using Skipwise.Generation;
using Skipwise.Models;
using Skipwise.Text;
using TorchSharp;

namespace Skipwise.Evaluation;

/// <summary>Passkey retrieval of a model, by length and depth. <see cref="PasskeyPrompt"/> decides what is asked, <see cref="TextGenerator"/> answers, this compares.</summary>
public static class Passkey
{
    /// <summary>memory of the key/value cache that bounds a batch when no batch size is given</summary>
    private const long CacheBytes = 256L << 20;

    /// <summary>Draws the prompts and measures.</summary>
    /// <inheritdoc cref="Measure(CausalLM, ITokenizer, IReadOnlyList{PasskeyPrompt}, PasskeyOptions, Action{PasskeyTrial}?, IProgress{EvaluationProgress}?, CancellationToken)"/>
    public static IReadOnlyList<PasskeyResult> Measure(
        CausalLM model, ITokenizer tokenizer, PasskeyOptions options, Action<PasskeyTrial>? onTrial = null, IProgress<EvaluationProgress>? progress = null, CancellationToken cancel = default) =>
        Measure(model, tokenizer, PasskeyPrompt.All(tokenizer, options), options, onTrial, progress, cancel);

    /// <summary>One result per length, in the order of the prompts.</summary>
    /// <param name="prompts">from <see cref="PasskeyPrompt.All"/>, with the same tokenizer and options</param>
    /// <param name="onTrial">called with every trial as its batch is done, so that answers can be saved as they come</param>
    /// <remarks>A length is tested as it is, also one equal to the model's window.</remarks>
    public static IReadOnlyList<PasskeyResult> Measure(
        CausalLM model, ITokenizer tokenizer, IReadOnlyList<PasskeyPrompt> prompts, PasskeyOptions options,
        Action<PasskeyTrial>? onTrial = null, IProgress<EvaluationProgress>? progress = null, CancellationToken cancel = default)
    {
        options.Validate();
        long total = prompts.Sum(prompt => (long)prompt.InputIds.Length), done = 0;
        var results = new List<PasskeyResult>();
        foreach (IGrouping<int, PasskeyPrompt> length in prompts.GroupBy(prompt => prompt.Length))
        {
            var trials = new List<PasskeyTrial>();
            int batchSize = options.BatchSize ?? BatchFor(model, length.Key);
            // Keys of fewer digits make shorter prompts: only prompts of one length share a forward.
            foreach (PasskeyPrompt[] batch in length.GroupBy(prompt => prompt.InputIds.Length).SelectMany(equal => equal.Chunk(batchSize)))
            {
                foreach (PasskeyTrial trial in Answer(model, tokenizer, batch, options, cancel))
                {
                    trials.Add(trial);
                    onTrial?.Invoke(trial);
                }
                done += batch.Sum(prompt => (long)prompt.InputIds.Length);
                progress?.Report(new("passkey", length.Key, done, total));
            }
            results.Add(new(length.Key, [.. trials.OrderBy(trial => trial.Trial)]));
        }
        return results;
    }

    private static IEnumerable<PasskeyTrial> Answer(CausalLM model, ITokenizer tokenizer, PasskeyPrompt[] batch, PasskeyOptions options, CancellationToken cancel)
    {
        var greedy = new GenerationOptions
        {
            MaxNewTokens = options.MaxNewTokens,
            StopTokens = tokenizer.EosId is { } eos ? [eos] : [],
            PrefillChunk = Math.Clamp(Scorer.TokensPerBatch / batch.Length, 64, Prefill.DefaultChunk),
        };
        int[][] answers = TextGenerator.Generate(model, [.. batch.Select(prompt => prompt.InputIds)], greedy, cancel: cancel);
        return batch.Zip(answers, (prompt, ids) =>
        {
            string answer = tokenizer.Decode(ids);
            bool isCorrect = PasskeyPrompt.ReadKey(answer) == prompt.Key;
            return new PasskeyTrial(prompt.Length, prompt.Trial, prompt.Depth, prompt.Key, prompt.InputIds.Length, prompt.Text, answer, isCorrect);
        });
    }

    private static int BatchFor(CausalLM model, int length)
    {
        long bytesPerToken = 2L * model.Config.NumHiddenLayers * model.Config.NumKeyValueHeads * model.Config.HeadDim * model.Dtype.ElementSize();
        return (int)Math.Clamp(CacheBytes / (bytesPerToken * length), 1, 64);
    }
}
