using Skipwise.Inference;

namespace Skipwise.Serving;

/// <summary>What one token adds to a text.</summary>
/// <param name="Text">to be shown: empty while a character is incomplete or a stop text may have begun</param>
/// <param name="Token">what the token itself stands for; null: it ended the text and is not part of it</param>
/// <param name="Finish">null: more follows</param>
public sealed record TextDelta(string Text, TextToken? Token, FinishReason? Finish);
