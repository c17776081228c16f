namespace Skipwise.Tokenizers;

/// <summary>A piece of a text, never empty.</summary>
/// <param name="AtStart">whether it is at the beginning of the whole text</param>
internal readonly record struct TextPiece(ReadOnlyMemory<char> Text, bool AtStart);
