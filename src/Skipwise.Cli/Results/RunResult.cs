namespace Skipwise.Cli.Results;

/// <summary>How a training run ended.</summary>
/// <param name="Out">folder of the run, and of the finished model</param>
/// <param name="Completed">false: interrupted, and continued by --resume</param>
/// <param name="Checkpoint">the folder saved at an interruption; null: stopped within the first step</param>
/// <param name="Note">what is worth knowing about the run</param>
internal sealed record RunResult(string Out, bool Completed, string? Checkpoint, string? Note);
