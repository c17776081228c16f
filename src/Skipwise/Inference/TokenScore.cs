namespace Skipwise.Inference;

/// <summary>How probable a token was after those before it: by the model's logits, before temperature and other settings.</summary>
/// <param name="Id">the token</param>
/// <param name="LogProbability">natural logarithm</param>
/// <param name="Top">the most probable tokens at its place, in descending order; equal ones by id</param>
public sealed record TokenScore(int Id, float LogProbability, IReadOnlyList<(int Id, float LogProbability)> Top);
