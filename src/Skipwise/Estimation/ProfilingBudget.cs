namespace Skipwise.Estimation;

/// <summary>What a probe may take.</summary>
/// <param name="Tokens">of the largest step that is tried; null: as many as take a moment</param>
/// <param name="Seconds">for the warm-up of one part at most, and for its repeats</param>
/// <param name="Stop">ends the probe between two tries</param>
internal readonly record struct ProfilingBudget(int? Tokens, double Seconds, CancellationToken Stop = default);
