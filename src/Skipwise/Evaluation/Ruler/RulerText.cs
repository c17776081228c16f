namespace Skipwise.Evaluation.Ruler;

/// <summary>A prompt and the references that its answer should contain.</summary>
internal sealed record RulerText(string Prompt, IReadOnlyList<string> References);
