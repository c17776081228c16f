namespace Skipwise.Inference;

/// <summary>A token that was generated.</summary>
/// <param name="Id">the token</param>
/// <param name="Score">its log probability, if asked for</param>
/// <param name="Finish">null: more tokens follow</param>
public sealed record GeneratedToken(int Id, TokenScore? Score, FinishReason? Finish)
{
    /// <summary>where it was read off in the prompt, if asked for: equal tokens that one attention head attends to. Empty: no head attends
    /// to an equal token</summary>
    public IReadOnlyList<TokenSource> Sources { get; init; } = [];
}

/// <summary>Why a text ended.</summary>
public enum FinishReason
{
    /// <summary>the token is one of <see cref="GenerationOptions.StopTokens"/> and not part of the text</summary>
    Stop,
    /// <summary>the token is the last of <see cref="GenerationOptions.MaxNewTokens"/></summary>
    Length,
}
