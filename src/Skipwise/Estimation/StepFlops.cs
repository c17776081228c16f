using Skipwise.Models;

namespace Skipwise.Estimation;

/// <summary>Floating-point operations of a training step's matrix products, forward and backward.</summary>
/// <param name="LayerWeights">elements of one layer's matrices</param>
/// <param name="IsFrozen">whether a layer's matrices get no gradient, as with LoRA</param>
/// <param name="RecomputeEvery">k: layers 0, k, 2 k, ... run their forward twice; 0: none</param>
internal sealed record StepFlops(DecoderConfig Config, long LayerWeights, bool IsFrozen, int RecomputeEvery)
{
    private const double ForwardProducts = 2, BackwardProducts = 5; // of attention: scores and output; the scores again, and four gradients

    /// <summary>FLOPs of embedding, head and loss, per token. A lookup is no product.</summary>
    public double EndsPerToken => 2.0 * (IsFrozen ? 2 : 3) * Config.VocabSize * Config.HiddenSize;

    /// <summary>Passes over a layer's weights, of all layers: forward, again where it is recomputed, and backward for each
    /// gradient.</summary>
    public int WeightPasses => Enumerable.Range(0, Config.NumHiddenLayers).Sum(WeightPassesOf);

    /// <summary>FLOPs of all layers.</summary>
    /// <param name="batch">sequences</param>
    /// <param name="length">tokens per sequence</param>
    public double Layers(int batch, int length) =>
        Enumerable.Range(0, Config.NumHiddenLayers).Sum(layer => Layer(layer, layer >= Config.FirstSlidingLayer, batch, length));

    /// <summary>
    /// FLOPs of one layer: per token, 2 per weight and product; per visible query-key pair, 2 per product and element of its heads.
    /// </summary>
    /// <param name="layer">index, which decides whether it is recomputed</param>
    /// <param name="slides">whether it uses the model's sliding window, if there is one</param>
    public double Layer(int layer, bool slides, int batch, int length)
    {
        double seen = slides && Config.SlidingWindow is { } window && window < length
            ? window * (1 - (window / (2.0 * length))) : length / 2.0;
        double pairwise = 2.0 * ((ForwardPasses(layer) * ForwardProducts) + BackwardProducts) * Config.NumAttentionHeads * Config.HeadDim;
        return (double)batch * length * ((2.0 * WeightPassesOf(layer) * LayerWeights) + (pairwise * seen));
    }

    /// <summary>Passes over the weights of one layer.</summary>
    public int WeightPassesOf(int layer) => ForwardPasses(layer) + (IsFrozen ? 1 : 2);

    private int ForwardPasses(int layer) => RecomputeEvery > 0 && layer % RecomputeEvery == 0 ? 2 : 1;
}
