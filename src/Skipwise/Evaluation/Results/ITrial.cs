namespace Skipwise.Evaluation.Results;

/// <summary>One trial of a retrieval test: a prompt with what the model made of it.</summary>
public interface ITrial
{
    /// <summary>
    /// what the reply depends on, as a number: the model, the prompt's tokens, how long an answer may be and what ends it; null
    /// when no file is kept
    /// </summary>
    string? CacheKey { get; init; }
}
