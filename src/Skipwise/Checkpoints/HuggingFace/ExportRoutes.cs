using System.Text.Json.Nodes;
using Skipwise.Checkpoints.Gguf;
using Skipwise.Models;
using Skipwise.Rope;

namespace Skipwise.Checkpoints.HuggingFace;

/// <summary>
/// Determines which programs run a model's folder exactly, with its config.json if unchanged, else with the one that will be saved. If a
/// program accepts the file but computes something else, the answer is no.
/// </summary>
internal static class ExportRoutes
{
    /// <summary>The evidence for the answers.</summary>
    public const string Evidence =
        "transformers was run, with small models of every family but Baichuan: commits of its main branch from 4.43 to 4.52, and 5.0 "
        + "and 5.5. llama.cpp was run with the files that export writes, every entry. vLLM and mlx-lm were not run: their entries follow "
        + "from their rules.";

    private const string AsItIs = "as it is";
    private const string Theta = "as a larger rope_theta, no scaling";
    private const string Bake = "use ntk at the target length, which is a plain rope_theta";
    private const string ListByWindow = "chooses longrope's list by the window that it is started with, not by the length of the text";

    private static readonly string[] s_rotatesAShare = ["phi3", "gptj", "gpt_neox"]; // in transformers
    private static readonly string[] s_silu = ["llama", "mistral", "qwen2", "qwen3", "phi3"];

    /// <summary>The routes of a model.</summary>
    /// <param name="config">of the folder</param>
    /// <param name="model">with its current scaling</param>
    /// <returns>one route per program, always the same programs in the same order</returns>
    public static IReadOnlyList<ExportRoute> For(HfConfig config, DecoderConfig model) =>
    [
        .. Verdicts(config.IsUnchanged(model) ? config.Raw : HfConfig.ForExtended(config.Raw, model), config.Family, model)
            .Select(verdict => verdict.Route),
    ];

    /// <summary>Whether programs compute from a config.json the rotation that a model was trained with.</summary>
    /// <param name="raw">the file, by any program</param>
    /// <param name="family">that the file names</param>
    /// <param name="model">as it was trained</param>
    /// <returns>in the order of <see cref="ExportTarget"/></returns>
    public static IReadOnlyList<ExportVerdict> Verdicts(JsonObject raw, ModelFamily family, DecoderConfig model)
    {
        string modelType = family.ModelType;
        RopeOptions rope = model.Rope, written = RopeConfigWriter.Portable(rope, model.RotaryDim, family);
        string how = OwnCode(modelType) + HuggingFace(rope, family);
        string? wholeHeads = model.RotaryDim < model.HeadDim && !s_rotatesAShare.Contains(modelType)
            ? "its code of this family rotates whole heads" : null;
        Version? since = Since(model, modelType, RopeSupport.FormOf(written));
        string? notInFour = SlidesInSome(modelType, model) ? "up to 4.52 its windows slide in every layer or in none; use transformers 5"
            : since is null ? "no release scales this family" : null;
        ExportVerdict Of(ExportTarget program, string name, string yes, string? explained = null, string? otherwise = null)
        {
            var rotation = ConsumerVerdict.Of(raw, family, model, program);
            rotation = rotation with { Differs = wholeHeads ?? rotation.Differs };
            string? no = wholeHeads ?? (rotation.Differs is { } differs ? explained ?? Refusal(differs, rope, family) : otherwise);
            return new(program, new(name, no is null, no ?? yes), rotation);
        }
        string? llamaCpp = GgufArchitecture.Refusal(modelType, model);
        return
        [
            Of(ExportTarget.Transformers4, "transformers 4",
                how + (since is null || RopeSupport.IsAny(since) ? "" : $" ({since} or later{Before(written)})"), otherwise: notInFour),
            Of(ExportTarget.Transformers5, "transformers 5", how),
            Of(ExportTarget.Vllm, "vLLM", VLlm(rope, family), VllmsReason(family, written), OtherActivation(family, model, "vLLM refuses")),
            new(ExportTarget.LlamaCpp, new("llama.cpp (GGUF)", llamaCpp is null, llamaCpp ?? LlamaCpp(modelType, model)), null),
            Of(ExportTarget.Mlx, "mlx-lm", HuggingFace(rope, family),
                TransformersRope.ForeignType(raw) ?? MlxsReason(family, written),
                Slides(model, "mlx-lm") ?? OtherActivation(family, model, "mlx-lm does not compute") ?? OtherResidual(family, model)),
        ];
    }

    /// <summary>The first release that runs this model's head size and windows, if it is later than the family's first release.</summary>
    private static Version? Since(DecoderConfig model, string modelType, RopeForm form)
    {
        if (RopeSupport.Since(modelType, form) is not { } first)
        {
            return null;
        }
        Version[] needs =
        [
            first,
            .. model.HeadDim * model.NumAttentionHeads == model.HiddenSize ? (Version[])[] : modelType switch
            {
                "llama" => [new Version(4, 45)],
                "qwen2" or "phi3" => [new Version(4, 48)],
                _ => [],
            },
            .. modelType == "phi3" && model.SlidingWindow is not null ? [new Version(4, 47)] : (Version[])[],
            .. modelType == "phi3" && model.RotaryDim < model.HeadDim ? [new Version(4, 49)] : (Version[])[],
        ];
        return needs.Max();
    }

    private static string Before(RopeOptions written) => RopeSupport.FormOf(written) switch
    {
        RopeForm.Yarn => "; before, the ramp was taken from the extended window",
        RopeForm.TwoLists => "; before, the short list was used for every text",
        _ => "",
    };

    private static bool SlidesInSome(string modelType, DecoderConfig model) => modelType is "qwen2" or "qwen3" && IsSliding(model);

    private static bool IsSliding(DecoderConfig model) => model.SlidingWindow is { } width && width < model.MaxPositionEmbeddings;

    private static string? Slides(DecoderConfig model, string engine) =>
        IsSliding(model) ? $"{engine} has no sliding window for this family: every token sees all that comes before" : null;

    /// <summary>These families have their activation built in: vLLM refuses another one, mlx-lm does not look.</summary>
    private static string? OtherActivation(ModelFamily family, DecoderConfig model, string what) =>
        model.Activation == Activation.Silu || !s_silu.Contains(family.ModelType) ? null
        : $"{what} another activation than SiLU in this family";

    private static string? OtherResidual(ModelFamily family, DecoderConfig model) =>
        family.ModelType == "gpt_neox" && model.Residual != ResidualKind.Parallel
        ? "mlx-lm adds attention and feed-forward side by side in this family, and the model one after the other" : null;

    /// <summary>Whether the rope has an attention factor other than the one that programs derive.</summary>
    private static bool HasOwnAttentionFactor(RopeOptions rope) =>
        rope.AttentionFactor is { } stated && Math.Abs(stated - Derived(rope)) > 1e-6;

    private static double Derived(RopeOptions rope) => rope.Type switch
    {
        RopeType.Yarn or RopeType.YarnRevised => (0.1 * Math.Log(rope.Factor)) + 1,
        RopeType.LongRope => Math.Sqrt(1 + (Math.Log(rope.Factor) / Math.Log(rope.OriginalMaxPositionEmbeddings))),
        _ => 1,
    };

    /// <summary>The difference, followed by the user's remedy.</summary>
    private static string Refusal(string differs, RopeOptions rope, ModelFamily family) =>
        family.ModelType == "baichuan" ? $"{differs}; an export stores it as a Llama, which they run"
        : family.RopeIsFixedElsewhere ? $"{differs}; only Skipwise runs it with a RoPE scaling"
        : family.RopePreference.LongRopeOnly && rope.Type != RopeType.LongRope ? $"{differs}; {Bake}"
        : differs;

    private static string OwnCode(string modelType) => modelType == "baichuan" ? "with the model's own code (trust_remote_code), " : "";

    private static string? BaseOnly(ModelFamily family, RopeOptions written, string program) =>
        MlxRope.ReadsBaseOnly(family) && written.Type != RopeType.Default
        ? $"{program} reads only the base of this family's rope; {Bake}"
        : null;

    private static bool HasTwoLists(RopeOptions rope) => rope.Type == RopeType.LongRope && RopeSupport.FormOf(rope) == RopeForm.TwoLists;

    private static string HuggingFace(RopeOptions rope, ModelFamily family) => rope.Type switch
    {
        RopeType.Default => AsItIs,
        RopeType.Ntk => Theta,
        RopeType.DynamicNtk => "as dynamic; max_position_embeddings stays the original window",
        RopeType.LongRope => "as longrope",
        RopeType.YarnRevised => "as longrope, the divisors in both lists",
        _ when family.RopePreference.LongRopeOnly => "as longrope, the divisors in both lists",
        _ => $"as {RopeTypeNames.NameOf(rope.Type)}",
    };

    /// <summary>Why vLLM computes something else, if it does.</summary>
    private static string? VllmsReason(ModelFamily family, RopeOptions written) =>
        BaseOnly(family, written, "vLLM")
        ?? (written.Type == RopeType.DynamicNtk ? $"vLLM scales every text as if it filled the window; {Bake}" : null)
        ?? (HasTwoLists(written) ? $"vLLM {ListByWindow}" : null);

    private static string VLlm(RopeOptions rope, ModelFamily family) => HuggingFace(rope, family) + rope.Type switch
    {
        RopeType.Linear when !family.RopePreference.LongRopeOnly => "; give --max-model-len, which it may derive too long",
        RopeType.Yarn when HasOwnAttentionFactor(rope) => "; older versions ignore the attention factor",
        _ => "",
    };

    private static string LlamaCpp(string modelType, DecoderConfig model) => LlamaCpp(modelType, model.Rope)
        + (modelType == "qwen2" && GgufRope.NeedsFactors(model.Rope) ? ", in the architecture llama" : "")
        + (model.Activation == Activation.Silu ? "" : "; its GELU is approximate");

    private static string LlamaCpp(string modelType, RopeOptions rope) =>
        (modelType == "baichuan" ? "as a Llama, " : "") + rope.Type switch
        {
            RopeType.Default => AsItIs,
            RopeType.Ntk => "as a larger rope.freq_base, scaling none",
            RopeType.Linear => "as rope.scaling linear",
            RopeType.Yarn =>
                "as rope.scaling yarn" + (HasOwnAttentionFactor(rope) ? ", its attention factor as a ratio in attn_factor" : ""),
            RopeType.Llama3 when modelType != "phi3" => "as rope_freqs",
            _ when modelType != "phi3" => "as scaling none, rope_freqs the divisors, attn_factor the attention factor",
            _ => "as longrope, rope_factors_short and rope_factors_long, attn_factor the attention factor",
        };

    /// <summary>Why mlx-lm computes something else, if it does.</summary>
    private static string? MlxsReason(ModelFamily family, RopeOptions written) =>
        !MlxRope.Has(family) ? "mlx-lm has no implementation of the family"
        : BaseOnly(family, written, "mlx-lm")
        ?? (written.Type == RopeType.DynamicNtk ? $"mlx-lm has no dynamic scaling; {Bake}"
            : written.Type == RopeType.Yarn && HasOwnAttentionFactor(written)
                ? $"mlx-lm ignores an attention factor other than yarn's own; {Bake}"
            : written.Type == RopeType.LongRope && HasOwnAttentionFactor(written)
                ? $"mlx-lm's longrope has an attention factor of its own; {Bake}"
            : HasTwoLists(written) ? "mlx-lm uses longrope's long list for short texts too"
            : null);
}
