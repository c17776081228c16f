namespace Skipwise.Evaluation;

/// <summary>How far a measurement is, in tokens read: work is proportional to them.</summary>
/// <param name="Task">what is measured: perplexity, passkey, ...</param>
/// <param name="Length">the window or prompt length at work, in tokens</param>
/// <param name="Done">tokens read so far</param>
/// <param name="Total">tokens of the whole measurement</param>
public readonly record struct EvaluationProgress(string Task, int Length, long Done, long Total);
