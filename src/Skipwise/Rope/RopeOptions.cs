namespace Skipwise.Rope;

/// <summary>The type of RoPE scaling. Users write the names in kebab case: <c>yarn-revised</c>.</summary>
public enum RopeType
{
    /// <summary>no scaling</summary>
    Default,
    /// <summary>position interpolation: f / s (Chen et al. 2023)</summary>
    Linear,
    /// <summary>a larger base: theta * s^(d/(d-2)) ("NTK-aware", <c>vanilla_ntk</c> in the PoSE reference code)</summary>
    Ntk,
    /// <summary>the base grows with the sequence length (Hugging Face <c>dynamic</c>)</summary>
    DynamicNtk,
    /// <summary>YaRN as published (Peng et al. 2023), as Hugging Face, vLLM and llama.cpp compute it</summary>
    Yarn,
    /// <summary>YaRN as the PoSE reference code computes it for Llama and Baichuan: a different function, by up to 16x in the middle of
    /// the ramp</summary>
    YarnRevised,
    /// <summary>Llama 3.1's smoothed scaling by wavelength</summary>
    Llama3,
    /// <summary>one divisor per dimension (LongRoPE, Phi-3)</summary>
    LongRope,
}

/// <summary>Everything that determines the rotary frequencies. The property names follow Hugging Face's keys.</summary>
public sealed record RopeOptions
{
    /// <summary>rope_type, the formula</summary>
    public RopeType Type { get; init; } = RopeType.Default;
    /// <summary>rope_theta, the base</summary>
    public double Theta { get; init; } = 10000;
    /// <summary>s, target length / original length</summary>
    public double Factor { get; init; } = 1;
    /// <summary>original_max_position_embeddings, L: the window the base model was trained with, in tokens</summary>
    public int OriginalMaxPositionEmbeddings { get; init; }
    /// <summary>YaRN: pairs with more rotations than this over L are kept</summary>
    public double BetaFast { get; init; } = 32;
    /// <summary>YaRN: pairs with fewer rotations than this over L are fully interpolated</summary>
    public double BetaSlow { get; init; } = 1;
    /// <summary>explicit scale of cos and sin; null derives it (YaRN: 0.1 ln s + 1; longrope: sqrt(1 + ln s / ln L); else 1)</summary>
    public double? AttentionFactor { get; init; }
    /// <summary>Llama 3: wavelengths above L / this are divided by s</summary>
    public double LowFreqFactor { get; init; } = 1;
    /// <summary>Llama 3: wavelengths below L / this are kept</summary>
    public double HighFreqFactor { get; init; } = 4;
    /// <summary>longrope: divisors for sequences of at most L tokens, one per dimension pair</summary>
    public IReadOnlyList<double>? ShortFactor { get; init; }
    /// <summary>longrope: divisors for longer sequences</summary>
    public IReadOnlyList<double>? LongFactor { get; init; }
}
