namespace Skipwise.Runs;

/// <summary>One result of an evaluation during training: one JSON line.</summary>
/// <param name="Step">steps taken</param>
/// <param name="Task">perplexity or passkey</param>
/// <param name="Metric">perplexity or accuracy</param>
/// <param name="Length">window or prompt, in tokens</param>
/// <param name="Value">value of the metric</param>
/// <param name="StandardError">standard error over documents</param>
/// <param name="Count">number of tokens or prompts</param>
internal sealed record EvaluationPoint(int Step, string Task, string Metric, int Length, double Value, double? StandardError = null,
    long? Count = null);
