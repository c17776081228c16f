namespace Skipwise.Tokenizers.Patterns;

/// <summary>A part of a translated pattern: text in .NET's syntax, or one code point of a set.</summary>
internal readonly record struct PatternPart(string Text, CodePoints? Set = null);
