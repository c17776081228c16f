namespace Skipwise.Evaluation.Ruler;

/// <summary>One sample with its tokens.</summary>
/// <param name="InputIds">the prompt's tokens, BOS first if the tokenizer adds one</param>
internal sealed record RulerPrompt(RulerTask Task, int Length, int Sample, RulerText Text, int[] InputIds);
