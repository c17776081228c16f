namespace Skipwise.Tokenizers;

/// <summary>A piece of a text, never empty.</summary>
/// <param name="AtStart">whether it starts where the whole text starts</param>
internal readonly record struct TextPiece(ReadOnlyMemory<char> Text, bool AtStart);
