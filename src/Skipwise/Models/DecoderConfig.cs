using Skipwise.Rope;

namespace Skipwise.Models;

/// <summary>
/// A decoder family as data: one decoder runs them all, and nothing asks for a model's name inside a forward.
/// A choice enters this record when a second family needs it. Names follow Hugging Face's config.json.
/// </summary>
public sealed record DecoderConfig
{
    public required int VocabSize { get; init; }
    /// <summary>C</summary>
    public required int HiddenSize { get; init; }
    public required int IntermediateSize { get; init; }
    public required int NumHiddenLayers { get; init; }
    /// <summary>H, query heads</summary>
    public required int NumAttentionHeads { get; init; }
    /// <summary>K, key/value heads; K = H is multi-head attention, 1 &lt; K &lt; H grouped-query attention</summary>
    public required int NumKeyValueHeads { get; init; }
    /// <summary>D, usually C / H</summary>
    public required int HeadDim { get; init; }
    public double RmsNormEps { get; init; } = 1e-6;
    /// <summary>the output head reads the embedding's own tensor</summary>
    public bool TieWordEmbeddings { get; init; }
    /// <summary>biases on the query, key, value and output projections</summary>
    public bool AttentionBias { get; init; }
    public bool MlpBias { get; init; }
    /// <summary>the window in tokens that the model is meant for, after scaling</summary>
    public required int MaxPositionEmbeddings { get; init; }
    public RopeOptions Rope { get; init; } = new();
    /// <summary>standard deviation of freshly drawn weights</summary>
    public double InitializerRange { get; init; } = 0.02;
    public int? BosTokenId { get; init; }
    public int? EosTokenId { get; init; }
    public int? PadTokenId { get; init; }
    /// <summary>
    /// An embedding row that training never moves (the padding_idx of the original's nn.Embedding). Null trains every row;
    /// set it only to reproduce the original's numbers.
    /// </summary>
    public int? FrozenEmbeddingRow { get; init; }
}
