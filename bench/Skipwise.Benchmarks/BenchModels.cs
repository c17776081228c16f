using Skipwise.Models;
using Skipwise.Rope;

namespace Skipwise.Benchmarks;

/// <summary>The two sizes that the original's code was measured with.</summary>
internal static class BenchModels
{
    /// <summary>Model (i): 15.2 M parameters.</summary>
    public static DecoderConfig Small(int target = 16384, double factor = 8) => Llama(8192, 320, 864, 8, 5, target, factor);

    /// <summary>Model (ii): 134 M parameters.</summary>
    public static DecoderConfig Base() => Llama(32000, 768, 2048, 12, 12, 16384, 8);

    private static DecoderConfig Llama(int vocabulary, int hidden, int intermediate, int layers, int heads, int target, double factor) => new()
    {
        VocabSize = vocabulary,
        HiddenSize = hidden,
        IntermediateSize = intermediate,
        NumHiddenLayers = layers,
        NumAttentionHeads = heads,
        NumKeyValueHeads = heads,
        HeadDim = hidden / heads,
        MaxPositionEmbeddings = target,
        Rope = new RopeOptions { Type = RopeType.Linear, Factor = factor },
    };

    public static CausalLM Create(DecoderConfig config)
    {
        var model = new CausalLM(config);
        WeightInit.Draw(model, seed: 1);
        return model;
    }
}
