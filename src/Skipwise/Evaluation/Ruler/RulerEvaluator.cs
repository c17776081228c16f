using Skipwise.Distributed;
using Skipwise.Evaluation.Results;
using Skipwise.Evaluation.Scoring;
using Skipwise.Models;
using Skipwise.Tokenizers;

namespace Skipwise.Evaluation.Ruler;

/// <summary>Evaluates RULER (Hsieh et al. 2024). <see cref="RulerSamples"/> generates the prompts, the model answers by greedy decoding,
/// <see cref="RulerTask.Score"/> scores the answers.</summary>
public static class RulerEvaluator
{
    /// <summary>tokens of prompts held at a time: those of all samples at long lengths would not fit in memory</summary>
    private const int TokensAtOnce = 1 << 22;

    /// <summary>Evaluates the model; one result per task and length.</summary>
    /// <param name="onTrial">called with each trial when its batch is done</param>
    /// <param name="file">cache of responses: earlier runs' are reused, new ones added; null: none. Rank 0 alone has it</param>
    /// <param name="ranks">those that evaluate together, all by this call on the same; each gets the results. They divide the batches.
    /// Null: this process alone</param>
    /// <exception cref="SkipwiseException">a setting out of range, a task whose material is missing, or a length too short for a
    /// task</exception>
    public static RulerSummary Evaluate(
        CausalLM model, ITokenizer tokenizer, RulerData material, RulerOptions options,
        Action<RulerTrial>? onTrial = null, IProgress<EvaluationProgress>? progress = null, TrialFile<RulerTrial>? file = null,
        ICollective? ranks = null, CancellationToken cancel = default)
    {
        options.Validate();
        IReadOnlyList<RulerTask> tasks = options.SelectedTasks(material);
        // Finds a length that is too short for a task before the first prompt is processed.
        RulerSamples[][] samples =
            [.. options.Lengths.Select(length => tasks.Select(task => new RulerSamples(task, material, tokenizer, length, options))
                .ToArray())];
        long total = options.Lengths.Zip(samples, (length, ofLength) => ofLength.Sum(task => (long)task.Count * length)).Sum();
        using var lm = new EvaluationLM(model, options.BatchSize, ranks);
        var run = new CachedTrialRunner<RulerTrial>("ruler", total, file, onTrial, progress, ranks);
        int[] stop = [.. tokenizer.EndIds];
        var results = new List<RulerResult>();
        foreach ((int length, RulerSamples[] ofLength) in options.Lengths.Zip(samples))
        {
            foreach ((RulerTask task, RulerSamples ofTask) in tasks.Zip(ofLength))
            {
                var trials = new List<RulerTrial>();
                foreach (int[] block in Enumerable.Range(0, ofTask.Count).Chunk(Math.Max(1, TokensAtOnce / length)))
                {
                    cancel.ThrowIfCancellationRequested();
                    trials.AddRange(run.Run(
                        length, [.. block.Select(ofTask.Draw)], _ => length,
                        key: (known, prompt) => known.Key(prompt.InputIds, [task.NewTokens, .. stop]),
                        stored: trial => trial.Answer,
                        judge: Judge,
                        ask: asked => lm.GenerateUntil([.. asked.Select(prompt => prompt.InputIds)], task.NewTokens, stop, cancel)
                            .Select(answer => (answer.Index, tokenizer.Decode(answer.Answer)))));
                }
                results.Add(new(task, length, trials));
            }
        }
        return new(results, options);
    }

    private static RulerTrial Judge(RulerPrompt prompt, string answer, string? key) => new(
        prompt.Task.Name, prompt.Length, prompt.Sample, prompt.InputIds.Length, key is null ? null : prompt.Text.Prompt,
        prompt.Text.References, answer, prompt.Task.Score(answer, prompt.Text.References))
    { CacheKey = key };
}
