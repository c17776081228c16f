namespace Skipwise.Serving;

/// <summary>A token and how probable it was.</summary>
/// <param name="Id">the token</param>
/// <param name="Text">its text after those before it; a character that it does not complete is U+FFFD</param>
/// <param name="LogProbability">natural logarithm; null: not asked for, or nothing precedes it</param>
/// <param name="Top">the most probable tokens at its place, in descending order</param>
public sealed record TextToken(int Id, string Text, float? LogProbability, IReadOnlyList<TextToken> Top);
