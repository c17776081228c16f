namespace Skipwise.Evaluation.Tasks;

/// <summary>One answer choice, scored by the likelihood of its continuation after the context.</summary>
/// <param name="Context">without few-shot examples</param>
/// <param name="Text">the answer itself, whose length acc_norm divides by</param>
internal readonly record struct Choice(string Context, string Continuation, string Text);
