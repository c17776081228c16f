namespace Skipwise.Evaluation.Results;

/// <summary>The description of a model in a comparison.</summary>
internal sealed record ComparedModel
{
    /// <summary>its name in tables and plots, unique in the comparison</summary>
    public required string Name { get; init; }
    /// <summary>fingerprint of weights and architecture, by which finished evaluations are found again</summary>
    public required string Fingerprint { get; init; }
    /// <summary>fingerprint of its tokenizer's behaviour; perplexities of different tokenizers cannot be compared</summary>
    public required string Tokenizer { get; init; }
    /// <summary>the model's window in tokens</summary>
    public required int Window { get; init; }
    /// <summary>its base model's window in tokens</summary>
    public required int OriginalWindow { get; init; }
    /// <summary>number of parameters</summary>
    public required long Parameters { get; init; }
    /// <summary>description of its RoPE scaling</summary>
    public required string Rope { get; init; }
    /// <summary>keys of its evaluations in the store, in the order of the report</summary>
    public required IReadOnlyList<string> Measurements { get; init; }
}
