namespace Skipwise.Evaluation.Tasks;

/// <summary>One likelihood to compute: of a text's last tokens, given the tokens before them.</summary>
/// <param name="TruncatedTokens">tokens cut from the left</param>
/// <param name="Tokens">context and continuation, at most one more than the window: the last token is only a target</param>
/// <param name="ContinuationLength">number of last tokens that are scored, 0..Tokens.Length - 1</param>
/// <param name="IsContinuationCut">the continuation alone is longer than the window; only its end is scored</param>
internal sealed record TaskRequest(int TruncatedTokens, int[] Tokens, int ContinuationLength, bool IsContinuationCut = false)
{
    /// <summary>the tokens before the scored ones</summary>
    public int[] Prompt => Tokens[..^ContinuationLength];

    /// <summary>the scored tokens</summary>
    public int[] Answer => Tokens[^ContinuationLength..];
}
