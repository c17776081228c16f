using Skipwise.Distributed;
using Skipwise.Evaluation.Results;
using Skipwise.Evaluation.Scoring;
using Skipwise.Models;
using Skipwise.Tokenizers;

namespace Skipwise.Evaluation.Needles;

/// <summary>Evaluates needles in a haystack, by length and depth. <see cref="NeedlePrompt"/> draws the prompts; the model scores the true
/// answers, so no judge model is needed.</summary>
public static class NeedleEvaluator
{
    /// <summary>Evaluates the model; one result per length.</summary>
    /// <param name="onTrial">called with each trial when its batch is done</param>
    /// <param name="file">cache of responses: earlier runs' are reused, new ones added; null: none. Rank 0 alone has it</param>
    /// <param name="ranks">those that evaluate together, all by this call on the same; each gets the results. They divide the batches.
    /// Null: this process alone</param>
    public static IReadOnlyList<NeedleResult> Evaluate(
        CausalLM model, ITokenizer tokenizer, Haystack haystack, NeedleOptions options,
        Action<NeedleTrial>? onTrial = null, IProgress<EvaluationProgress>? progress = null, TrialFile<NeedleTrial>? file = null,
        ICollective? ranks = null, CancellationToken cancel = default)
    {
        options.Validate();
        using var lm = new EvaluationLM(model, options.BatchSize, ranks);
        long questions = (long)options.Depths * options.Trials * options.EffectiveNeedles().Count(needle => needle.Question is not null);
        var run = new CachedTrialRunner<NeedleTrial>("needle", questions * options.Lengths.Sum(length => (long)length), file, onTrial,
            progress, ranks);
        // Finds impossible settings before the first long prompt is processed.
        foreach (int length in options.Lengths)
        {
            NeedlePrompt.Draw(tokenizer, haystack, length, depth: 0, trial: 0, options);
        }
        return [.. options.Lengths.Select(length => new NeedleResult(length, run.Run(
            length, NeedlePrompt.All(tokenizer, haystack, length, options), prompt => length,
            key: (trials, prompt) => trials.Key(prompt.InputIds, prompt.AnswerIds),
            stored: trial => new AnswerScore(trial.IsBest, trial.LogProbs),
            judge: (prompt, score, key) => new NeedleTrial(
                length, prompt.Depth, prompt.Trial, prompt.Needle, prompt.InputIds.Length,
                key is null ? null : tokenizer.Decode(prompt.InputIds), prompt.Answer, score.IsGreedy, score.LogProbs)
            { CacheKey = key },
            ask: asked =>
                lm.LogLikelihood([.. asked.Select(prompt => prompt.InputIds)], [.. asked.Select(prompt => prompt.AnswerIds)],
                    cancel))))];
    }
}
