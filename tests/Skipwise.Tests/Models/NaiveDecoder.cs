using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Models;

/// <summary>
/// The decoder a second time, as the papers write it: float64, one head at a time, a full matrix of scores, cosines and sines per pair.
/// Shares no code with the real one; what a family does is said by hand.
/// </summary>
internal sealed record NaiveDecoder
{
    // T tokens, D head dim, R rotary dim
    public required Func<string, Tensor> Weight { get; init; }
    public required int Layers { get; init; }
    public required int Heads { get; init; }
    public required int KeyValueHeads { get; init; }
    public required int HeadDim { get; init; }
    public int RotaryDim { get; init; }
    public bool Interleaved { get; init; }
    public double Theta { get; init; } = 10000;
    public double Eps { get; init; } = 1e-6;
    public double NormOffset { get; init; }
    public double EmbeddingScale { get; init; } = 1;
    public bool HasBias { get; init; }
    public bool QueryKeyNorm { get; init; }
    public Func<Tensor, Tensor> Activation { get; init; } = x => x * x.sigmoid();
    public Func<int, int?> WindowOf { get; init; } = _ => null;
    public string Head { get; init; } = "lm_head.weight";

    /// <param name="ids">of one text</param>
    /// <returns>[T, V]</returns>
    public Tensor Logits(int[] ids, long[] positions)
    {
        Tensor x = Double("model.embed_tokens.weight").index_select(0, tensor(ids.Select(id => (long)id).ToArray())) * EmbeddingScale;
        for (int layer = 0; layer < Layers; layer++)
        {
            string prefix = $"model.layers.{layer}.";
            x += Attention(Norm(x, prefix + "input_layernorm.weight"), prefix + "self_attn.", positions, WindowOf(layer));
            Tensor normed = Norm(x, prefix + "post_attention_layernorm.weight");
            Tensor gated = Activation(Linear(normed, prefix + "mlp.gate_proj.weight")) * Linear(normed, prefix + "mlp.up_proj.weight");
            x += Linear(gated, prefix + "mlp.down_proj.weight");
        }
        return Linear(Norm(x, "model.norm.weight"), Head);
    }

    private Tensor Attention(Tensor x, string prefix, long[] positions, int? window)
    {
        Tensor query = Project(x, prefix + "q_proj"), key = Project(x, prefix + "k_proj"), value = Project(x, prefix + "v_proj");
        var output = new List<Tensor>();
        for (int head = 0; head < Heads; head++)
        {
            int shared = head * KeyValueHeads / Heads;
            Tensor Of(Tensor all, int which) => all.narrow(1, which * HeadDim, HeadDim);
            Tensor Normed(Tensor all, int which, string norm) =>
                QueryKeyNorm ? Norm(Of(all, which), $"{prefix}{norm}.weight") : Of(all, which);
            Tensor q = Rotate(Normed(query, head, "q_norm"), positions), k = Rotate(Normed(key, shared, "k_norm"), positions);
            Tensor scores = q.matmul(k.t()) / Math.Sqrt(HeadDim); // [T, T]
            for (int i = 0; i < positions.Length; i++)
            {
                for (int j = 0; j < positions.Length; j++)
                {
                    if (j > i || (window is { } w && j <= i - w))
                    {
                        scores[i, j] = double.NegativeInfinity;
                    }
                }
            }
            output.Add(scores.softmax(1).matmul(Of(value, shared)));
        }
        return Linear(cat([.. output], 1), prefix + "o_proj.weight");
    }

    /// <summary>Dimensions a and b of a pair with angle p f_i: a cos - b sin, b cos + a sin.</summary>
    private Tensor Rotate(Tensor x, long[] positions)
    {
        int rotary = RotaryDim > 0 ? RotaryDim : HeadDim, pairs = rotary / 2;
        Tensor result = x.clone();
        for (int t = 0; t < positions.Length; t++)
        {
            for (int i = 0; i < pairs; i++)
            {
                (int a, int b) = Interleaved ? (2 * i, 2 * i + 1) : (i, pairs + i);
                (double sin, double cos) = Math.SinCos(positions[t] * Math.Pow(Theta, -2.0 * i / rotary));
                double left = x[t, a].ToDouble(), right = x[t, b].ToDouble();
                result[t, a] = (left * cos) - (right * sin);
                result[t, b] = (right * cos) + (left * sin);
            }
        }
        return result;
    }

    private Tensor Norm(Tensor x, string weight) => x / (x * x).mean([1L], keepdim: true).add(Eps).sqrt() * (Double(weight) + NormOffset);

    private Tensor Project(Tensor x, string name) =>
        HasBias ? Linear(x, name + ".weight") + Double(name + ".bias") : Linear(x, name + ".weight");

    private Tensor Linear(Tensor x, string weight) => x.matmul(Double(weight).t());

    private Tensor Double(string name) => Weight(name).to(ScalarType.Float64);
}
