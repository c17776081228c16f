using Skipwise.Inference;

namespace Skipwise.Serving;

/// <summary>What one token adds to a text.</summary>
/// <param name="Text">to be shown: empty while a character is incomplete or a stop text may have begun</param>
/// <param name="Token">the token and its score, also of one that ends the text; null: no scores are asked for</param>
/// <param name="Finish">null: more follows</param>
public sealed record TextDelta(string Text, TextToken? Token, FinishReason? Finish);
