namespace Skipwise.Evaluation.Perplexity;

/// <summary>A window to score and the results that it contributes to.</summary>
/// <param name="Document">index in the token source</param>
/// <param name="Contributions">(index of the window length in the options, how many of the window's first scored losses count for
/// it)</param>
internal sealed record PlannedWindow(int Document, ScoringWindow Window, IReadOnlyList<(int Result, int Count)> Contributions);
