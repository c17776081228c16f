using Skipwise.Rope;

namespace Skipwise.Models;

/// <summary>
/// A decoder family as data: one decoder runs all families, and no forward asks for a model's name. An option enters this record once a
/// second family needs it. Names follow Hugging Face's config.json.
/// </summary>
public sealed record DecoderConfig
{
    /// <summary>V, rows of the embedding</summary>
    public required int VocabSize { get; init; }
    /// <summary>C</summary>
    public required int HiddenSize { get; init; }
    /// <summary>width of the feed-forward block</summary>
    public required int IntermediateSize { get; init; }
    /// <summary>number of decoder layers</summary>
    public required int NumHiddenLayers { get; init; }
    /// <summary>H, query heads</summary>
    public required int NumAttentionHeads { get; init; }
    /// <summary>K, key/value heads; K = H is multi-head attention, 1 &lt; K &lt; H grouped-query attention</summary>
    public required int NumKeyValueHeads { get; init; }
    /// <summary>D, usually C / H</summary>
    public required int HeadDim { get; init; }
    /// <summary>R, rotary dimensions: the first R of a head; the rest carry no position. Unset: all of them</summary>
    public int RotaryDim { get => field > 0 ? field : HeadDim; init; }
    /// <summary>which two rotary dimensions form a pair</summary>
    public RotaryLayout RotaryLayout { get; init; }
    /// <summary>kind of normalization</summary>
    public NormKind Norm { get; init; }
    /// <summary>added to the variance before the root</summary>
    public double NormEps { get; init; } = 1e-6;
    /// <summary>how attention and feed-forward block are added to the residual stream</summary>
    public ResidualKind Residual { get; init; }
    /// <summary>activation of the feed-forward block</summary>
    public Activation Activation { get; init; }
    /// <summary>down(act(gate(x)) * up(x)); false: down(act(up(x)))</summary>
    public bool GatedFeedForward { get; init; } = true;
    /// <summary>biases on the query, key and value projections</summary>
    public bool AttentionBias { get; init; }
    /// <summary>a bias on the attention's output projection</summary>
    public bool AttentionOutputBias { get; init; }
    /// <summary>whether the feed-forward projections have biases</summary>
    public bool MlpBias { get; init; }
    /// <summary>every query and key head is normalized before the rotation</summary>
    public bool QueryKeyNorm { get; init; }
    /// <summary>
    /// W: token i attends to tokens j with i - W &lt; j &lt;= i, counted in tokens, not position ids; null: to all before it
    /// </summary>
    public int? SlidingWindow { get; init; }
    /// <summary>first layer with the sliding window; the layers below it have full attention</summary>
    public int FirstSlidingLayer { get; init; }
    /// <summary>the embedding is multiplied by this before the first layer</summary>
    public double EmbeddingScale { get; init; } = 1;
    /// <summary>the output head reads the embedding's own tensor</summary>
    public bool TieWordEmbeddings { get; init; }
    /// <summary>whether the output head has a bias</summary>
    public bool HeadBias { get; init; }
    /// <summary>the head's rows have length 1, in training and inference (Baichuan2's NormHead)</summary>
    public bool NormalizedHead { get; init; }
    /// <summary>z-loss weight: training adds this times the mean of the squared largest logit; 0 adds nothing</summary>
    public double ZLossWeight { get; init; }
    /// <summary>context window in tokens, after scaling</summary>
    public required int MaxPositionEmbeddings { get; init; }
    /// <summary>base and scaling of the rotary embedding</summary>
    public RopeOptions Rope { get; init; } = new();
    /// <summary>standard deviation of the initial weights</summary>
    public double InitializerRange { get; init; } = 0.02;
    /// <summary>id of the token that begins a text; null if the configuration names none</summary>
    public int? BosTokenId { get; init; }
    /// <summary>id of the token that ends a text; null if the configuration names none</summary>
    public int? EosTokenId { get; init; }
    /// <summary>id of the padding token; null if the configuration names none</summary>
    public int? PadTokenId { get; init; }
    /// <summary>
    /// Embedding row whose look-ups pass no gradient, as with the padding_idx of nn.Embedding in the PoSE reference code. Weight decay
    /// still shrinks the row, and a tied head still trains it, as in PyTorch. Null: no such row; set it only to reproduce the reference
    /// code's numbers.
    /// </summary>
    public int? FrozenEmbeddingRow { get; init; }
}

/// <summary>Normalization of hidden states.</summary>
public enum NormKind
{
    /// <summary>RMS norm, times weight</summary>
    Rms,
    /// <summary>RMS norm, times 1 + weight (Gemma)</summary>
    RmsUnitOffset,
    /// <summary>layer norm: mean and variance, times weight plus bias</summary>
    Layer,
}

/// <summary>How attention and feed-forward are added to the residual stream.</summary>
public enum ResidualKind
{
    /// <summary>sequential, each with its norm</summary>
    Sequential,
    /// <summary>parallel, each with its norm of x (GPT-NeoX)</summary>
    Parallel,
    /// <summary>parallel, on one norm of x (GPT-J)</summary>
    ParallelSharedNorm,
}

/// <summary>Activation function of the feed-forward block.</summary>
public enum Activation
{
    /// <summary>x sigmoid(x)</summary>
    Silu,
    /// <summary>x Phi(x), with the exact normal distribution function Phi</summary>
    Gelu,
    /// <summary>GELU, tanh approximation</summary>
    GeluTanh,
}
