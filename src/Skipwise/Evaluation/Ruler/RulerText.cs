namespace Skipwise.Evaluation.Ruler;

/// <summary>A prompt and what its answer should hold.</summary>
public sealed record RulerText(string Prompt, IReadOnlyList<string> References);
