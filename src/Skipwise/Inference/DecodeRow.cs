using Skipwise.Rope;

namespace Skipwise.Inference;

/// <summary>The next token of one text in a decode step.</summary>
/// <param name="Id">the token; its position is the text's length</param>
/// <param name="Text">keys and values of the tokens before it, with a page for its own</param>
/// <param name="Rope">frequencies and scale of its rotation</param>
/// <param name="Attention">receives what the token attends to; null: nobody asks</param>
internal readonly record struct DecodeRow(int Id, KvText Text, RopeFrequencies Rope, AttentionRecord? Attention = null);
