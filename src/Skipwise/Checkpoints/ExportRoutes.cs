using Skipwise.Rope;

namespace Skipwise.Checkpoints;

/// <summary>Whether a program outside can run a model, and in what terms its rotary embedding is told to it.</summary>
/// <param name="Engine">the program</param>
/// <param name="Possible">it computes the same frequencies and the same attention factor</param>
/// <param name="How">the terms; or why not, and what would do</param>
public sealed record ExportRoute(string Engine, bool Possible, string How);

/// <summary>
/// Which programs run a family with a scaling exactly. A pure function of the two: a combination that a program would accept and compute
/// differently is a no.
/// </summary>
public static class ExportRoutes
{
    private const string AsItIs = "as it is";
    private const string Theta = "as a larger rope_theta, no scaling";
    private const string Bake = "use ntk at the target length, which is a plain rope_theta";

    // Which families an engine runs at all, and for which of them it reads more of the rope than its base.
    private static readonly string[] s_vllmReadsBaseOnly = ["gemma", "gpt_neox"];
    private static readonly string[] s_mlx = ["llama", "mistral", "qwen2", "qwen3", "phi3", "gemma", "gpt_neox"];
    private static readonly string[] s_mlxReadsBaseOnly = ["gemma", "gpt_neox"];
    private static readonly string[] s_llamaCpp = ["llama", "mistral", "qwen2", "qwen3", "phi3", "gemma", "gpt_neox", "baichuan"];
    private static readonly string[] s_llamaCppReadsFactors = ["llama", "mistral", "phi3"]; // a divisor per dimension pair, as a tensor

    /// <param name="modelType">config.json's model_type</param>
    /// <param name="rope">the scaling in force</param>
    /// <returns>one route per engine, always the same engines in the same order</returns>
    public static IReadOnlyList<ExportRoute> Of(string modelType, RopeOptions rope)
    {
        (string Engine, string? No, string Yes)[] answers =
        [
            ("transformers 4", Fixed(modelType, rope) ?? Phi3OfTransformers4(modelType, rope), OwnCode(modelType) + Transformers4(rope)),
            ("transformers 5", Fixed(modelType, rope), OwnCode(modelType) + HuggingFace(rope)),
            ("vLLM", Fixed(modelType, rope) ?? BaseOnly(modelType, rope, s_vllmReadsBaseOnly, "vLLM"), VLlm(rope)),
            ("llama.cpp (GGUF)", LlamaCppRefuses(modelType, rope), LlamaCpp(modelType, rope)),
            ("mlx-lm", MlxRefuses(modelType, rope), HuggingFace(rope)),
        ];
        return [.. answers.Select(answer => new ExportRoute(answer.Engine, answer.No is null, answer.No ?? answer.Yes))];
    }

    private static bool IsPlain(RopeOptions rope) => rope.Type == RopeType.Default;

    /// <summary>A factor of its own, other than the one that every program derives.</summary>
    private static bool HasOwnAttentionFactor(RopeOptions rope) =>
        rope.AttentionFactor is { } stated && Math.Abs(stated - Derived(rope)) > 1e-6;

    private static double Derived(RopeOptions rope) => rope.Type switch
    {
        RopeType.Yarn or RopeType.YarnRevised => (0.1 * Math.Log(rope.Factor)) + 1,
        RopeType.LongRope => Math.Sqrt(1 + (Math.Log(rope.Factor) / Math.Log(rope.OriginalMaxPositionEmbeddings))),
        _ => 1,
    };

    /// <summary>Families whose code computes the rotary embedding from constants.</summary>
    private static string? Fixed(string modelType, RopeOptions rope) => modelType switch
    {
        _ when IsPlain(rope) => null,
        "gptj" => "GPT-J's code has the base and the table of angles built in; Skipwise alone runs it stretched",
        "baichuan" => "Baichuan's own code knows no scaling; store it as a Llama (W_pack split, rows of the head normalised)",
        _ => null,
    };

    private static string OwnCode(string modelType) => modelType == "baichuan" ? "with the model's own code (trust_remote_code), " : "";

    private static string? BaseOnly(string modelType, RopeOptions rope, string[] families, string engine) =>
        families.Contains(modelType) && rope.Type is not (RopeType.Default or RopeType.Ntk) ? $"{engine} reads only the base of this family's rope; {Bake}" : null;

    private static string? Phi3OfTransformers4(string modelType, RopeOptions rope) =>
        modelType == "phi3" && (rope.Type is not (RopeType.Default or RopeType.Ntk or RopeType.LongRope) || (rope.Type == RopeType.LongRope && HasOwnAttentionFactor(rope)))
            ? $"its Phi-3 takes no scaling but longrope, with an attention factor that it derives; {Bake}"
            : null;

    private static string HuggingFace(RopeOptions rope) => rope.Type switch
    {
        RopeType.Default => AsItIs,
        RopeType.Ntk => Theta,
        RopeType.DynamicNtk => "as dynamic; max_position_embeddings stays the original window",
        RopeType.YarnRevised => "as longrope, the divisors in both lists",
        RopeType.LongRope => "as longrope",
        _ => $"as {RopeTypeNames.NameOf(rope.Type)}",
    };

    private static string Transformers4(RopeOptions rope) => HuggingFace(rope) + rope.Type switch
    {
        RopeType.Default or RopeType.Ntk => "",
        RopeType.Yarn => " (4.45 or later; some copies up to 4.50 take the ramp from the extended window)",
        _ => " (4.43 or later)",
    };

    private static string VLlm(RopeOptions rope) => HuggingFace(rope) + rope.Type switch
    {
        RopeType.Linear or RopeType.DynamicNtk => "; give --max-model-len, which it may derive too long",
        RopeType.Yarn when HasOwnAttentionFactor(rope) => "; older versions ignore the attention factor",
        _ => "",
    };

    private static string? LlamaCppRefuses(string modelType, RopeOptions rope) =>
        !s_llamaCpp.Contains(modelType) ? "llama.cpp has no implementation of the family"
        : rope.Type == RopeType.DynamicNtk ? $"llama.cpp has no dynamic scaling; {Bake}"
        : rope.Type is RopeType.YarnRevised or RopeType.Llama3 or RopeType.LongRope && !s_llamaCppReadsFactors.Contains(modelType)
            ? "llama.cpp reads factors per dimension for Llama and Phi-3 only; use yarn, linear or ntk"
        : null;

    private static string LlamaCpp(string modelType, RopeOptions rope) => (modelType == "baichuan" ? "rows of the head normalised, " : "") + rope.Type switch
    {
        RopeType.Default => AsItIs,
        RopeType.Ntk => "as a larger rope.freq_base, scaling none",
        RopeType.Linear => "as rope.scaling linear",
        RopeType.Yarn => "as rope.scaling yarn" + (HasOwnAttentionFactor(rope) ? ", its attention factor as a ratio in attn_factor" : ""),
        RopeType.YarnRevised => "as scaling none, rope_freqs the divisors, attn_factor the attention factor",
        RopeType.Llama3 => "as rope_freqs",
        _ => "as longrope, rope_factors_short and rope_factors_long",
    };

    private static string? MlxRefuses(string modelType, RopeOptions rope) =>
        !s_mlx.Contains(modelType) ? "mlx-lm has no implementation of the family"
        : BaseOnly(modelType, rope, s_mlxReadsBaseOnly, "mlx-lm")
        ?? (rope.Type == RopeType.Yarn && HasOwnAttentionFactor(rope) ? $"mlx-lm ignores an attention factor other than yarn's own; {Bake}"
            : rope.Type == RopeType.YarnRevised ? "mlx-lm's longrope has an attention factor of its own; use yarn or ntk"
            : rope.Type == RopeType.LongRope && HasOwnAttentionFactor(rope) ? "mlx-lm's longrope has an attention factor of its own"
            : rope.Type == RopeType.LongRope && !rope.ShortFactor!.SequenceEqual(rope.LongFactor!) ? "mlx-lm uses longrope's long list for short texts too"
            : null);
}
