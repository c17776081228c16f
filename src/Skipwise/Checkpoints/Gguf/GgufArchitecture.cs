using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Models;
using Skipwise.Rope;

namespace Skipwise.Checkpoints.Gguf;

/// <summary>How an architecture takes one divisor per dimension pair.</summary>
internal enum PairFactors
{
    /// <summary>not at all</summary>
    None,
    /// <summary>as the tensor rope_freqs.weight</summary>
    OneTensor,
    /// <summary>as rope_factors_long.weight and rope_factors_short.weight, of which llama.cpp chooses one by its context</summary>
    TwoTensors,
}

/// <summary>
/// An architecture of llama.cpp, as data: its names of tensors, which of them it fuses, what it takes of a decoder. Only architectures that
/// a test has compared with llama.cpp itself are here.
/// </summary>
internal sealed record GgufArchitecture
{
    // Llama's names -> llama.cpp's, in the order of replacement
    private static readonly (string Canonical, string Stored)[] s_names =
    [
        ("model.embed_tokens.", "token_embd."),
        ("model.norm.", "output_norm."),
        ("lm_head.", "output."),
        ("model.layers.", "blk."),
        (".self_attn.q_proj.", ".attn_q."),
        (".self_attn.k_proj.", ".attn_k."),
        (".self_attn.v_proj.", ".attn_v."),
        (".self_attn.qkv_proj.", ".attn_qkv."),
        (".self_attn.o_proj.", ".attn_output."),
        (".self_attn.q_norm.", ".attn_q_norm."),
        (".self_attn.k_norm.", ".attn_k_norm."),
        (".mlp.gate_proj.", ".ffn_gate."),
        (".mlp.up_proj.", ".ffn_up."),
        (".mlp.down_proj.", ".ffn_down."),
        (".input_layernorm.", ".attn_norm."),
        (".post_attention_layernorm.", ".ffn_norm."),
    ];

    private static readonly FusedWeight s_attention =
        new("self_attn.qkv_proj", ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"]);

    private static readonly GgufArchitecture s_llama = new()
    {
        Name = "llama",
        RotatesNeighbors = true,
        PairFactors = PairFactors.OneTensor,
        MayHaveBiases = true,
    };
    private static readonly GgufArchitecture s_qwen2 = new() { Name = "qwen2", HasAttentionBias = true, HeadsAreOfUsualSize = true };
    private static readonly GgufArchitecture s_qwen3 = new() { Name = "qwen3", QueryKeyNorm = true };
    private static readonly GgufArchitecture s_phi3 = new()
    {
        Name = "phi3",
        PairFactors = PairFactors.TwoTensors,
        Fused = [s_attention, new("mlp.up_proj", ["mlp.gate_proj", "mlp.up_proj"])],
        RotatesAShare = true,
        HeadsAreOfUsualSize = true,
    };
    private static readonly GgufArchitecture s_gemma = new()
    {
        Name = "gemma",
        Norm = NormKind.RmsUnitOffset,
        Activation = Activation.GeluTanh,
        IsEmbeddingScaled = true,
        IsTied = true,
    };
    private static readonly GgufArchitecture s_gptNeoX = new()
    {
        Name = "gptneox",
        Norm = NormKind.Layer,
        Activation = Activation.Gelu,
        Fused = [s_attention],
        HasAttentionBias = true,
        HasOtherBiases = true,
        RotatesAShare = true,
        HeadsAreOfUsualSize = true,
        IsTied = false,
    };

    private static readonly GgufArchitecture[] s_all = [s_llama, s_qwen2, s_qwen3, s_phi3, s_gemma, s_gptNeoX];

    /// <summary>All that are here.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. s_all.Select(architecture => architecture.Name)];

    /// <summary>The architecture of a name; null if it is none of <see cref="Names"/>.</summary>
    public static GgufArchitecture? FromName(string name) => Array.Find(s_all, architecture => architecture.Name == name);

    /// <summary>general.architecture, which is also the prefix of keys</summary>
    public required string Name { get; init; }
    /// <summary>fused tensors: the canonical parts are concatenated whole</summary>
    public IReadOnlyList<FusedWeight> Fused { get; init; } = [];
    /// <summary>whether dimensions 2i and 2i + 1 rotate together, so that rows of queries and keys are reordered</summary>
    public bool RotatesNeighbors { get; init; }
    /// <summary>how it takes divisors of frequencies</summary>
    public PairFactors PairFactors { get; init; }
    /// <summary>whether fewer dimensions than a head's may rotate</summary>
    public bool RotatesAShare { get; init; }
    /// <summary>whether the head size must be hidden size / heads</summary>
    public bool HeadsAreOfUsualSize { get; init; }
    /// <summary>whether every bias is optional; else <see cref="HasAttentionBias"/> and <see cref="HasOtherBiases"/> hold exactly</summary>
    public bool MayHaveBiases { get; init; }
    /// <summary>biases on queries, keys and values</summary>
    public bool HasAttentionBias { get; init; }
    /// <summary>biases on the attention's output and the feed-forward</summary>
    public bool HasOtherBiases { get; init; }
    /// <summary>normalized queries and keys</summary>
    public bool QueryKeyNorm { get; init; }
    /// <summary>its norm; 1 + weight is stored for <see cref="NormKind.RmsUnitOffset"/></summary>
    public NormKind Norm { get; init; }
    /// <summary>its activation</summary>
    public Activation Activation { get; init; }
    /// <summary>Whether logits differ visibly, because llama.cpp computes every GELU by the tanh formula from a table of float16
    /// numbers.</summary>
    public bool IsApproximate => Activation != Activation.Silu;
    /// <summary>whether it multiplies the embedding by sqrt(hidden size)</summary>
    public bool IsEmbeddingScaled { get; init; }
    /// <summary>whether the head must be the embedding, or must not; null: either</summary>
    public bool? IsTied { get; init; }

    /// <summary>The stored tensors of a model, named and fused as the architecture does.</summary>
    public IEnumerable<StoredParameter> StoredParameters(DecoderConfig model) =>
        new ModelFamily { ModelType = Name, Architecture = Name, TensorRenames = s_names, FusedWeights = Fused }.StoredParameters(model);

    /// <summary>The number of heads whose rows are reordered in a parameter; null if its rows are in order.</summary>
    /// <param name="canonical">name of the parameter</param>
    public int? ReorderedHeads(string canonical, DecoderConfig model) => !RotatesNeighbors ? null
        : canonical.Contains(".q_proj.", StringComparison.Ordinal) ? model.NumAttentionHeads
        : canonical.Contains(".k_proj.", StringComparison.Ordinal) ? model.NumKeyValueHeads : null;

    /// <summary>What is added to a parameter in the file.</summary>
    /// <inheritdoc cref="ReorderedHeads" path="/param"/>
    public float AddedTo(string canonical) =>
        Norm == NormKind.RmsUnitOffset && canonical.EndsWith("norm.weight", StringComparison.Ordinal) ? 1 : 0;

    /// <summary>The architecture that computes a model.</summary>
    /// <param name="modelType">of the model's family</param>
    /// <exception cref="SkipwiseException">none does; the reason and the nearest alternative</exception>
    public static GgufArchitecture For(string modelType, DecoderConfig model) =>
        Refusal(modelType, model) is { } reason ? throw new SkipwiseException($"this model is not exported as GGUF: {reason}")
            : Candidate(modelType, model)!;

    /// <summary>Why llama.cpp does not compute a model, with the nearest alternative; null if it does.</summary>
    /// <inheritdoc cref="For" path="/param"/>
    public static string? Refusal(string modelType, DecoderConfig model) =>
        Candidate(modelType, model) is not { } architecture ? $"llama.cpp has no implementation of the family {modelType}"
            : architecture.RefusesRope(model) ?? architecture.RefusesDecoder(model);

    /// <summary>The family of Hugging Face that has a file's decoder. Its files are what a model from GGUF is saved as.</summary>
    /// <param name="hasBias">whether the file has a bias on queries, and on the attention's output</param>
    public string ModelType((bool Query, bool Output) hasBias) => Name switch
    {
        "llama" when hasBias is (true, false) => "qwen2", // Llama's config.json has one key for both
        "gptneox" => "gpt_neox",
        _ => Name,
    };

    private static GgufArchitecture? Candidate(string modelType, DecoderConfig model) => modelType switch
    {
        "llama" or "mistral" or "baichuan" => s_llama,
        "qwen2" => GgufRope.NeedsFactors(model.Rope) ? s_llama : s_qwen2, // the same decoder; only llama's reads factors
        "qwen3" => s_qwen3,
        "phi3" => s_phi3,
        "gemma" => s_gemma,
        "gpt_neox" => s_gptNeoX,
        _ => null,
    };

    private string? RefusesRope(DecoderConfig model)
    {
        RopeOptions rope = model.Rope;
        string type = OptionName.Of(nameof(RopeOverrides.Type)), factor = OptionName.Of(nameof(RopeOverrides.Factor));
        int length =
            Math.Max(model.MaxPositionEmbeddings, RopeFrequency.ExtendedLength(rope.OriginalMaxPositionEmbeddings, rope.Factor));
        return rope.Type switch
        {
            RopeType.DynamicNtk => FormattableString.Invariant(
                $"llama.cpp has no dynamic scaling. {type} ntk {factor} {RopeFrequency.Pinned(rope, length).Factor:0.######} is the ") +
                $"same scaling, fixed at its value for {length} tokens: start llama.cpp with a context of that length (-c {length}), not " +
                "with the file's",
            RopeType.LongRope when RopeFrequency.DependsOnLength(rope) =>
                "llama.cpp chooses longrope's list by the context that it is started with, not by the length of the text. An extension " +
                "by Skipwise has one list for texts of every length",
            RopeType.Yarn when (rope.BetaFast, rope.BetaSlow) != (32, 1) =>
                "llama.cpp's yarn has beta_fast 32 and beta_slow 1 for this family, whatever a file says",
            _ when GgufRope.NeedsFactors(rope) && PairFactors == PairFactors.None =>
                $"llama.cpp's {Name} reads no factors per dimension pair. Use {type} yarn, linear or ntk",
            _ => null,
        };
    }

    private string? RefusesDecoder(DecoderConfig model) =>
        model.SlidingWindow is { } width && width < model.MaxPositionEmbeddings
            ? $"llama.cpp has no sliding window for this family (the model's is {width} tokens): every token would see all before it"
        : model.RotaryDim < model.HeadDim && !RotatesAShare ? $"llama.cpp's {Name} rotates whole heads"
        : HeadsAreOfUsualSize && model.HeadDim * model.NumAttentionHeads != model.HiddenSize
            ? $"llama.cpp's {Name} takes heads of hidden size / number of heads alone"
        : !HasItsBiases(model) ? $"llama.cpp's {Name} has other biases than the model"
        : IsTied is { } tied && tied != model.TieWordEmbeddings
            ? $"llama.cpp's {Name} reads {(tied ? "the embedding as the head" : "a head of its own")}, and the model does not"
        : model.Activation != Activation || model.Norm != Norm || model.QueryKeyNorm != QueryKeyNorm || model.HeadBias
            || (model.EmbeddingScale != 1) != IsEmbeddingScaled
            ? $"llama.cpp's {Name} has another activation, norm or head than the model"
        : null;

    private bool HasItsBiases(DecoderConfig model) => MayHaveBiases
        || (model.AttentionBias == HasAttentionBias && model.AttentionOutputBias == HasOtherBiases && model.MlpBias == HasOtherBiases);
}
