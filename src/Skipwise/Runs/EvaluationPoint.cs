namespace Skipwise.Runs;

/// <summary>One number measured while a run trains, as one JSON line says it.</summary>
/// <param name="Step">steps done</param>
/// <param name="Task">perplexity or passkey</param>
/// <param name="Metric">perplexity or accuracy</param>
/// <param name="Length">window or prompt, in tokens</param>
/// <param name="Value">what was measured</param>
/// <param name="StandardError">of the value, over documents</param>
/// <param name="Count">tokens or prompts</param>
internal sealed record EvaluationPoint(int Step, string Task, string Metric, int Length, double Value, double? StandardError = null,
    long? Count = null);
