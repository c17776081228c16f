using System.Text.Json.Nodes;
using Skipwise.Models;
using Skipwise.Storage;

namespace Skipwise.Checkpoints.HuggingFace;

/// <summary>Reads a config.json into a <see cref="DecoderConfig"/>: the keys that all families share, then those of the family, then the
/// rope.</summary>
internal static class DecoderConfigReader
{
    private static readonly Dictionary<string, Activation> s_activations = new()
    {
        ["silu"] = Activation.Silu,
        ["swish"] = Activation.Silu,
        ["gelu"] = Activation.Gelu,
        ["gelu_new"] = Activation.GeluTanh,
        ["gelu_fast"] = Activation.GeluTanh,
        ["gelu_pytorch_tanh"] = Activation.GeluTanh,
    };

    // About a hundred times the sizes of published models, and small enough that a wrong config.json fails at its weights and not for lack
    // of memory.
    internal const int WidestLayer = 1 << 20, MostLayers = 1 << 13, LargestHead = 1 << 14, LargestVocabulary = 1 << 26;

    /// <summary>Reads the configuration.</summary>
    /// <exception cref="SkipwiseException">a key is missing, of the wrong type, or requires something unsupported</exception>
    public static DecoderConfig Read(JsonSection root, ModelFamily family)
    {
        family.RejectUnsupported(root);
        int hidden = root.Positive("hidden_size", most: WidestLayer);
        int heads = root.Positive("num_attention_heads", most: WidestLayer);
        int headDim = HeadDim(root, hidden, heads);
        int keyValueHeads = root.Positive("num_key_value_heads", heads);
        if (heads % keyValueHeads != 0)
        {
            throw root.Error("num_key_value_heads", $"{keyValueHeads} does not divide num_attention_heads {heads}");
        }
        var common = new DecoderConfig
        {
            VocabSize = root.Positive("vocab_size", most: LargestVocabulary),
            HiddenSize = hidden,
            IntermediateSize = root.Positive("intermediate_size", family.DefaultIntermediateMultiple * hidden, most: 16 * WidestLayer),
            NumHiddenLayers = root.Positive("num_hidden_layers", most: MostLayers),
            NumAttentionHeads = heads,
            NumKeyValueHeads = keyValueHeads,
            HeadDim = headDim,
            RotaryDim = RotaryFraction(root, headDim, family) is var fraction and not 1 ? RotaryDim(headDim, fraction) : 0,
            Activation = ReadActivation(root, family),
            NormEps = NotNegative(root, "rms_norm_eps", 1e-6),
            TieWordEmbeddings = root.Bool("tie_word_embeddings", false),
            MaxPositionEmbeddings = root.Positive("max_position_embeddings"),
            InitializerRange = NotNegative(root, "initializer_range", 0.02),
            BosTokenId = root.TokenId("bos_token_id"),
            EosTokenId = root.TokenId("eos_token_id"),
            PadTokenId = root.TokenId("pad_token_id"),
        };
        DecoderConfig model = family.Read(root, common);
        if (model.RotaryDim % 2 != 0 || model.RotaryDim > headDim)
        {
            throw root.Error(family.RotaryFractionKeys is [string key, ..] ? key : "rotary_dim",
                $"{model.RotaryDim} of a head's {headDim} dimensions would rotate; expected an even number of at most {headDim}");
        }
        RequireLayerTypes(root, model);
        return RopeConfigReader.Read(root, model, family);
    }

    /// <summary>The number of dimensions of a head that rotate, rounded down as in every program.</summary>
    public static int RotaryDim(int headDim, double fraction) => (int)(headDim * fraction);

    private static int HeadDim(JsonSection root, int hidden, int heads)
    {
        if (!root.Has("head_dim") && hidden % heads != 0)
        {
            throw root.Error("num_attention_heads", $"{heads} does not divide hidden_size {hidden}, and there is no head_dim");
        }
        int headDim = root.Positive("head_dim", hidden / heads, LargestHead);
        return headDim % 2 == 0 ? headDim : throw root.Error("head_dim", $"{headDim} is odd; a rotary embedding turns pairs of dimensions");
    }

    private static double NotNegative(JsonSection root, string key, double defaultValue) =>
        root.Double(key, defaultValue) is >= 0 and var number ? number
            : throw root.Error(key, FormattableString.Invariant($"expected a number of 0 or more, found {root.Double(key)}"));

    /// <summary>The rotary fraction (partial_rotary_factor), next to the rope's section or in it; transformers 5 stores it only in the
    /// section.</summary>
    private static double RotaryFraction(JsonSection root, int headDim, ModelFamily family)
    {
        ConfigNumber[] stated =
        [
            .. ConfigNumber.In(root, family.RotaryFractionKeys),
            .. RopeConfigReader.Sections(root).SelectMany(rope => ConfigNumber.In(rope, ["partial_rotary_factor"])),
        ];
        if (stated.Length == 0)
        {
            return family.DefaultRotaryFraction;
        }
        if (stated.FirstOrDefault(other => RotaryDim(headDim, other.Value) != RotaryDim(headDim, stated[0].Value)) is { } different)
        {
            throw different.Contradicts(stated[0]);
        }
        return stated[0].Value is > 0 and <= 1 ? stated[0].Value
            : throw stated[0].Wrong(FormattableString.Invariant($"expected a fraction above 0, up to 1, found {stated[0].Value}"));
    }

    private static Activation ReadActivation(JsonSection root, ModelFamily family)
    {
        string name = root.OptionalString("hidden_act") ?? family.DefaultActivation;
        return s_activations.TryGetValue(name, out Activation activation) ? activation
            : throw root.Error("hidden_act", $"found {name}; supported: {string.Join(", ", s_activations.Keys)}");
    }

    /// <summary>Requires that layer_types, if present, agrees with the sliding window's keys.</summary>
    private static void RequireLayerTypes(JsonSection root, DecoderConfig model)
    {
        if (root.Node("layer_types") is not JsonNode node)
        {
            return;
        }
        IEnumerable<string> expected = Enumerable.Range(0, model.NumHiddenLayers)
            .Select(layer => model.SlidingWindow is not null && layer >= model.FirstSlidingLayer ? "sliding_attention" : "full_attention");
        if (node is not JsonArray types || !types.Select(type => type?.ToString()).SequenceEqual(expected))
        {
            string window = model.SlidingWindow is null
                ? "full attention in every layer"
                : $"sliding windows from layer {model.FirstSlidingLayer} on";
            throw root.Error("layer_types", $"the other keys call for {window}; only such a list is supported");
        }
    }
}
