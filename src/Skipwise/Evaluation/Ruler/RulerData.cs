namespace Skipwise.Evaluation.Ruler;

/// <summary>The source material of the tasks, from the user's files.</summary>
/// <param name="Essays">prose to hide needles in</param>
/// <param name="Squad">questions of qa_1, or null</param>
/// <param name="Hotpot">questions of qa_2, or null</param>
public sealed record RulerData(Essays Essays, QaSet? Squad = null, QaSet? Hotpot = null);
