using Skipwise.Distributed;
using Skipwise.Evaluation.Results;
using Skipwise.Evaluation.Scoring;
using Skipwise.Models;
using Skipwise.Tokenizers;

namespace Skipwise.Evaluation.Passkey;

/// <summary>Evaluates passkey retrieval of a model, by length and depth. <see cref="PasskeyPrompt"/> draws the prompts; the model answers
/// by greedy decoding.</summary>
public static class PasskeyEvaluator
{
    /// <summary>Draws the prompts and evaluates the model.</summary>
    /// <inheritdoc cref="Evaluate(CausalLM, ITokenizer, IReadOnlyList{PasskeyPrompt}, PasskeyOptions, Action{PasskeyTrial}?,
    /// IProgress{EvaluationProgress}?, TrialFile{PasskeyTrial}?, ICollective?, CancellationToken)"/>
    public static IReadOnlyList<PasskeyResult> Evaluate(
        CausalLM model, ITokenizer tokenizer, PasskeyOptions options, Action<PasskeyTrial>? onTrial = null,
        IProgress<EvaluationProgress>? progress = null,
        TrialFile<PasskeyTrial>? file = null, ICollective? ranks = null, CancellationToken cancel = default) =>
        Evaluate(model, tokenizer, PasskeyPrompt.All(tokenizer, options), options, onTrial, progress, file, ranks, cancel);

    /// <summary>Evaluates the model on given prompts; one result per length, in the order of the prompts.</summary>
    /// <param name="prompts">from <see cref="PasskeyPrompt.All"/>, with the same tokenizer and options</param>
    /// <param name="onTrial">called with each trial when its batch is done</param>
    /// <param name="file">cache of responses: earlier runs' are reused, new ones added; null: none. Rank 0 alone has it</param>
    /// <param name="ranks">those that evaluate together, all by this call on the same; each gets the results. They divide the batches.
    /// Null: this process alone</param>
    /// <remarks>Lengths are not reduced, even if one equals the model's window.</remarks>
    public static IReadOnlyList<PasskeyResult> Evaluate(
        CausalLM model, ITokenizer tokenizer, IReadOnlyList<PasskeyPrompt> prompts, PasskeyOptions options,
        Action<PasskeyTrial>? onTrial = null, IProgress<EvaluationProgress>? progress = null, TrialFile<PasskeyTrial>? file = null,
        ICollective? ranks = null, CancellationToken cancel = default)
    {
        options.Validate();
        using var lm = new EvaluationLM(model, options.BatchSize, ranks);
        var run = new CachedTrialRunner<PasskeyTrial>("passkey", prompts.Sum(prompt => (long)prompt.InputIds.Length), file, onTrial,
            progress, ranks);
        int[] stop = [.. tokenizer.EndIds];
        return [.. prompts.GroupBy(prompt => prompt.Length).Select(length => new PasskeyResult(length.Key, run.Run(
            length.Key, [.. length], prompt => prompt.InputIds.Length,
            key: (trials, prompt) => trials.Key(prompt.InputIds, [options.MaxNewTokens, .. stop]),
            stored: trial => trial.Answer,
            judge: Judge,
            ask: asked => lm.GenerateUntil([.. asked.Select(prompt => prompt.InputIds)], options.MaxNewTokens, stop, cancel)
                .Select(answer => (answer.Index, tokenizer.Decode(answer.Answer))))))];
    }

    private static PasskeyTrial Judge(PasskeyPrompt prompt, string answer, string? key) =>
        new(prompt.Length, prompt.Trial, prompt.Depth, prompt.Key, prompt.InputIds.Length, prompt.Text, answer,
            PasskeyPrompt.ReadKey(answer) == prompt.Key)
        { CacheKey = key };
}
