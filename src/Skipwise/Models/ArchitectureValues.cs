using Skipwise.Rope;

namespace Skipwise.Models;

/// <summary>
/// The values of a configuration that decide a result, under stable names: adding, moving or renaming a C# property changes no fingerprint
/// and no run. A new property that decides numbers is added here too, with its effect if absent as <see cref="NamedValue.Missing"/>.
/// </summary>
internal static class ArchitectureValues
{
    /// <summary>Values that decide a forward pass and the BOS and EOS tokens.</summary>
    public static IEnumerable<NamedValue> OfForward(DecoderConfig model)
    {
        RopeOptions rope = model.Rope;
        return
        [
            NamedValue.Of("vocab_size", model.VocabSize),
            NamedValue.Of("hidden_size", model.HiddenSize),
            NamedValue.Of("intermediate_size", model.IntermediateSize),
            NamedValue.Of("num_hidden_layers", model.NumHiddenLayers),
            NamedValue.Of("num_attention_heads", model.NumAttentionHeads),
            NamedValue.Of("num_key_value_heads", model.NumKeyValueHeads),
            NamedValue.Of("head_dim", model.HeadDim),
            NamedValue.Of("rotary_dim", model.RotaryDim),
            new("rotary_layout", model.RotaryLayout switch
            {
                RotaryLayout.RotateHalf => "rotate-half",
                RotaryLayout.Interleaved => "interleaved",
                _ => throw Unnamed(model.RotaryLayout),
            }),
            new("norm", model.Norm switch
            {
                NormKind.Rms => "rms",
                NormKind.RmsUnitOffset => "rms-unit-offset",
                NormKind.Layer => "layer",
                _ => throw Unnamed(model.Norm),
            }),
            NamedValue.Of("norm_eps", model.NormEps),
            new("residual", model.Residual switch
            {
                ResidualKind.Sequential => "sequential",
                ResidualKind.Parallel => "parallel",
                ResidualKind.ParallelSharedNorm => "parallel-shared-norm",
                _ => throw Unnamed(model.Residual),
            }),
            new("activation", model.Activation switch
            {
                Activation.Silu => "silu",
                Activation.Gelu => "gelu",
                Activation.GeluTanh => "gelu-tanh",
                _ => throw Unnamed(model.Activation),
            }),
            NamedValue.Of("gated_feed_forward", model.GatedFeedForward),
            NamedValue.Of("attention_bias", model.AttentionBias),
            NamedValue.Of("attention_output_bias", model.AttentionOutputBias),
            NamedValue.Of("mlp_bias", model.MlpBias),
            NamedValue.Of("query_key_norm", model.QueryKeyNorm),
            NamedValue.Of("sliding_window", model.SlidingWindow),
            NamedValue.Of("first_sliding_layer", model.FirstSlidingLayer),
            NamedValue.Of("embedding_scale", model.EmbeddingScale),
            NamedValue.Of("tie_word_embeddings", model.TieWordEmbeddings),
            NamedValue.Of("head_bias", model.HeadBias),
            NamedValue.Of("normalized_head", model.NormalizedHead),
            NamedValue.Of("max_position_embeddings", model.MaxPositionEmbeddings),
            new("rope.type", RopeTypeNames.NameOf(rope.Type)),
            NamedValue.Of("rope.theta", rope.Theta),
            NamedValue.Of("rope.factor", rope.Factor),
            NamedValue.Of("rope.original_max_position_embeddings", rope.OriginalMaxPositionEmbeddings),
            NamedValue.Of("rope.beta_fast", rope.BetaFast),
            NamedValue.Of("rope.beta_slow", rope.BetaSlow),
            NamedValue.Of("rope.attention_factor", rope.AttentionFactor),
            NamedValue.Of("rope.low_freq_factor", rope.LowFreqFactor),
            NamedValue.Of("rope.high_freq_factor", rope.HighFreqFactor),
            NamedValue.Of("rope.short_factor", rope.ShortFactor),
            NamedValue.Of("rope.long_factor", rope.LongFactor),
            NamedValue.Of("bos_token_id", model.BosTokenId),
            NamedValue.Of("eos_token_id", model.EosTokenId),
        ];
    }

    /// <summary>Values that only training reads.</summary>
    public static IEnumerable<NamedValue> OfTraining(DecoderConfig model) =>
    [
        .. OfForward(model),
        NamedValue.Of("z_loss_weight", model.ZLossWeight),
        NamedValue.Of("frozen_embedding_row", model.FrozenEmbeddingRow),
    ];

    private static ArgumentOutOfRangeException Unnamed<T>(T value) where T : struct, Enum => new(nameof(value), value, "has no name here");
}
