namespace Skipwise.Evaluation.Tasks;

/// <summary>One answer: how likely is the continuation after the context?</summary>
/// <param name="Context">without examples</param>
/// <param name="Text">the answer itself, whose length acc_norm divides by</param>
internal readonly record struct Choice(string Context, string Continuation, string Text);
