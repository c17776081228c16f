namespace Skipwise.Evaluation;

/// <summary>The progress of an evaluation, in tokens processed, to which its work is proportional.</summary>
/// <param name="Task">name of the evaluation: perplexity, passkey, ...</param>
/// <param name="Length">the current window or prompt length, in tokens</param>
/// <param name="Done">tokens processed so far</param>
/// <param name="Total">tokens of the whole evaluation</param>
public readonly record struct EvaluationProgress(string Task, int Length, long Done, long Total);
