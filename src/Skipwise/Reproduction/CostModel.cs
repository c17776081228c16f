using Skipwise.Models;
using Skipwise.Rope;

namespace Skipwise.Reproduction;

/// <summary>A model whose steps figure 3 measures: a Llama, untied, float32, with heads of 64.</summary>
/// <param name="Name">in tables, by its number of parameters</param>
/// <param name="HiddenSize">width of the hidden states</param>
/// <param name="IntermediateSize">width of the feed-forward block</param>
/// <param name="NumHiddenLayers">decoder layers</param>
/// <param name="VocabSize">rows of the embedding</param>
internal sealed record CostModel(string Name, int HiddenSize, int IntermediateSize, int NumHiddenLayers, int VocabSize)
{
    private const int HeadDim = 64;

    /// <summary>Model (i) of the benchmarks, 15.2 M parameters.</summary>
    public static CostModel Small { get; } = new("15 M", 320, 864, 8, 8192);

    /// <summary>Model (ii) of the benchmarks, 134 M parameters.</summary>
    public static CostModel Large { get; } = new("134 M", 768, 2048, 12, 32000);

    /// <summary>The configuration, extended from a window to a target.</summary>
    public DecoderConfig Config(int window, int target) => new()
    {
        VocabSize = VocabSize,
        HiddenSize = HiddenSize,
        IntermediateSize = IntermediateSize,
        NumHiddenLayers = NumHiddenLayers,
        NumAttentionHeads = HiddenSize / HeadDim,
        NumKeyValueHeads = HiddenSize / HeadDim,
        HeadDim = HeadDim,
        MaxPositionEmbeddings = target,
        Rope = new RopeOptions { Type = RopeType.Linear, Factor = (double)target / window },
    };
}
