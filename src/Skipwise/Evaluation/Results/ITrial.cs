namespace Skipwise.Evaluation.Results;

/// <summary>One trial of a retrieval evaluation: a prompt with the model's response.</summary>
public interface ITrial
{
    /// <summary>
    /// hash of everything that the response depends on: the model, the prompt's tokens, the answer's limit and stop tokens; null if no
    /// trial file is kept
    /// </summary>
    string? CacheKey { get; init; }
}
