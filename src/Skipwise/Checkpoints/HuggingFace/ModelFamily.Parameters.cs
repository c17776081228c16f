using Skipwise.Models;

namespace Skipwise.Checkpoints.HuggingFace;

public sealed partial record ModelFamily
{
    /// <summary>Canonical name of the embedding.</summary>
    public const string EmbeddingName = "model.embed_tokens.weight";
    /// <summary>Canonical name of the head.</summary>
    public const string HeadName = "lm_head.weight";

    /// <summary>The canonical parameters of a model with their shapes, in the order of writing. A tied head has no weight of its
    /// own.</summary>
    public static IEnumerable<(string Name, long[] Shape)> Parameters(DecoderConfig model)
    {
        // C hidden, I intermediate, V vocabulary, D head dim, Q = H * D query width, K = kv heads * D key and value width
        long C = model.HiddenSize, I = model.IntermediateSize, V = model.VocabSize, D = model.HeadDim;
        long Q = model.NumAttentionHeads * D, K = model.NumKeyValueHeads * D;

        IEnumerable<(string, long[])> Projection(string name, long rows, long columns, bool bias) =>
            bias ? [($"{name}.weight", [rows, columns]), ($"{name}.bias", [rows])] : [($"{name}.weight", [rows, columns])];
        IEnumerable<(string, long[])> Norm(string name, long size) =>
            model.Norm == NormKind.Layer ? [($"{name}.weight", [size]), ($"{name}.bias", [size])] : [($"{name}.weight", [size])];
        IEnumerable<(string, long[])> Layer(string prefix) =>
        [
            .. Projection(prefix + "self_attn.q_proj", Q, C, model.AttentionBias),
            .. Projection(prefix + "self_attn.k_proj", K, C, model.AttentionBias),
            .. Projection(prefix + "self_attn.v_proj", K, C, model.AttentionBias),
            .. Projection(prefix + "self_attn.o_proj", C, Q, model.AttentionOutputBias),
            .. model.QueryKeyNorm ? Norm(prefix + "self_attn.q_norm", D).Concat(Norm(prefix + "self_attn.k_norm", D)) : [],
            .. model.GatedFeedForward ? Projection(prefix + "mlp.gate_proj", I, C, model.MlpBias) : [],
            .. Projection(prefix + "mlp.up_proj", I, C, model.MlpBias),
            .. Projection(prefix + "mlp.down_proj", C, I, model.MlpBias),
            .. Norm(prefix + "input_layernorm", C),
            .. model.Residual == ResidualKind.ParallelSharedNorm ? [] : Norm(prefix + "post_attention_layernorm", C),
        ];

        yield return (EmbeddingName, [V, C]);
        for (int layer = 0; layer < model.NumHiddenLayers; layer++)
        {
            foreach ((string, long[]) parameter in Layer($"model.layers.{layer}."))
            {
                yield return parameter;
            }
        }
        foreach ((string, long[]) parameter in Norm("model.norm", C))
        {
            yield return parameter;
        }
        if (!model.TieWordEmbeddings)
        {
            yield return (HeadName, [V, C]);
        }
        if (model.HeadBias)
        {
            yield return ("lm_head.bias", [V]);
        }
    }
}
