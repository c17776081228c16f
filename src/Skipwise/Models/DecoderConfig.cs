using Skipwise.Rope;

namespace Skipwise.Models;

/// <summary>
/// A decoder family as data: one decoder runs them all, and nothing asks for a model's name inside a forward.
/// A choice enters this record when a second family needs it. Names follow Hugging Face's config.json.
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
    /// <summary>R, the first dimensions of a head, which rotate; the rest carry no position. Unset: all of them</summary>
    public int RotaryDim { get => field > 0 ? field : HeadDim; init; }
    /// <summary>which two rotary dimensions turn together</summary>
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
    /// <summary>every query and key head is normalised before it is rotated</summary>
    public bool QueryKeyNorm { get; init; }
    /// <summary>W: token i sees the tokens j with i - W &lt; j &lt;= i, counted in tokens and not in position ids; null sees all before
    /// it</summary>
    public int? SlidingWindow { get; init; }
    /// <summary>the first layer with the sliding window; the layers below it see everything</summary>
    public int FirstSlidingLayer { get; init; }
    /// <summary>the embedding is multiplied by this before the first layer</summary>
    public double EmbeddingScale { get; init; } = 1;
    /// <summary>the output head reads the embedding's own tensor</summary>
    public bool TieWordEmbeddings { get; init; }
    /// <summary>whether the output head has a bias</summary>
    public bool HeadBias { get; init; }
    /// <summary>the head's rows have length 1, in training and in use alike (Baichuan2's NormHead)</summary>
    public bool NormalizedHead { get; init; }
    /// <summary>training adds this times the mean of the squared largest score; 0 adds nothing</summary>
    public double ZLossWeight { get; init; }
    /// <summary>the window in tokens that the model is meant for, after scaling</summary>
    public required int MaxPositionEmbeddings { get; init; }
    /// <summary>base and scaling of the rotary embedding</summary>
    public RopeOptions Rope { get; init; } = new();
    /// <summary>standard deviation of freshly drawn weights</summary>
    public double InitializerRange { get; init; } = 0.02;
    /// <summary>id of the token that begins a text; null if the configuration names none</summary>
    public int? BosTokenId { get; init; }
    /// <summary>id of the token that ends a text; null if the configuration names none</summary>
    public int? EosTokenId { get; init; }
    /// <summary>id of the padding token; null if the configuration names none</summary>
    public int? PadTokenId { get; init; }
    /// <summary>
    /// An embedding row that training never moves (the padding_idx of the original's nn.Embedding). Null trains every row;
    /// set it only to reproduce the original's numbers.
    /// </summary>
    public int? FrozenEmbeddingRow { get; init; }
}

/// <summary>How a hidden state is normalised.</summary>
public enum NormKind
{
    /// <summary>root mean square, times weight</summary>
    Rms,
    /// <summary>root mean square, times 1 + weight (Gemma)</summary>
    RmsUnitOffset,
    /// <summary>mean and variance, times weight plus bias</summary>
    Layer,
}

/// <summary>How attention and feed-forward join the residual stream.</summary>
public enum ResidualKind
{
    /// <summary>one after the other, each with its norm</summary>
    Sequential,
    /// <summary>both read x, each through its norm (GPT-NeoX)</summary>
    Parallel,
    /// <summary>both read the one norm of x (GPT-J)</summary>
    ParallelSharedNorm,
}

/// <summary>The feed-forward's nonlinearity.</summary>
public enum Activation
{
    /// <summary>x sigmoid(x)</summary>
    Silu,
    /// <summary>x Phi(x), with the normal distribution's exact Phi</summary>
    Gelu,
    /// <summary>GELU by its tanh approximation</summary>
    GeluTanh,
}
