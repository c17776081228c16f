namespace Skipwise.Inference;

/// <summary>A token of the prompt that the model read a new token off.</summary>
/// <param name="Position">its index in the prompt; it is the same token</param>
/// <param name="Attention">the part of an attention head's weights on it, when the new token was computed</param>
public readonly record struct TokenSource(int Position, float Attention);
