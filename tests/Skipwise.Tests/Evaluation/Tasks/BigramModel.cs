using Skipwise.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Evaluation.Tasks;

/// <summary>
/// A language model whose next-token table is known: token i is embedded as the i-th unit vector, attention and feed-forward add
/// nothing, the norm gives the unit vector back, and the head's row of scores is ln p(. | i).
/// </summary>
internal static class BigramModel
{
    /// <param name="table">p(next | token), rows that sum to 1</param>
    public static CausalLM Create(double[,] table)
    {
        int vocabulary = table.GetLength(0), width = (vocabulary + 7) / 8 * 8;
        var model = new CausalLM(new DecoderConfig
        {
            VocabSize = vocabulary,
            HiddenSize = width,
            IntermediateSize = 4,
            NumHiddenLayers = 1,
            NumAttentionHeads = 2,
            NumKeyValueHeads = 1,
            HeadDim = 4,
            MaxPositionEmbeddings = 256,
        });
        WeightInit.Initialize(model, seed: 1);
        using var _ = no_grad();
        var weights = model.named_parameters().ToDictionary(p => p.name, p => p.parameter);
        weights["model.layers.0.self_attn.o_proj.weight"].zero_();
        weights["model.layers.0.mlp.down_proj.weight"].zero_();
        weights["model.embed_tokens.weight"].copy_(1000 * eye(vocabulary, width)); // so large that the norm's epsilon does not show
        weights["model.norm.weight"].fill_(1 / Math.Sqrt(width));
        var logs = new float[vocabulary * width];
        for (int token = 0; token < vocabulary; token++)
        {
            for (int next = 0; next < vocabulary; next++)
            {
                logs[next * width + token] = (float)Math.Log(table[token, next]);
            }
        }
        weights["lm_head.weight"].copy_(tensor(logs, [vocabulary, width]));
        return model;
    }
}
