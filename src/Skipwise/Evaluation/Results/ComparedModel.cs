namespace Skipwise.Evaluation.Results;

/// <summary>A model as a comparison knows it.</summary>
public sealed record ComparedModel
{
    /// <summary>what tables and plots call it, unique in the comparison</summary>
    public required string Name { get; init; }
    /// <summary>of weights and architecture: by it finished measurements are known again</summary>
    public required string Fingerprint { get; init; }
    /// <summary>of what its tokenizer does; perplexities of different tokenizers cannot be compared</summary>
    public required string Tokenizer { get; init; }
    /// <summary>tokens that the model is meant for</summary>
    public required int Window { get; init; }
    /// <summary>tokens that its base model was meant for</summary>
    public required int OriginalWindow { get; init; }
    /// <summary>numbers in its weights</summary>
    public required long Parameters { get; init; }
    /// <summary>its rotary embedding, in words</summary>
    public required string Rope { get; init; }
    /// <summary>keys of its measurements in the store, in the order of the report</summary>
    public required IReadOnlyList<string> Measurements { get; init; }
}
