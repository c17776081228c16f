using Skipwise.Models;

namespace Skipwise.Benchmarks;

/// <summary>
/// The arithmetic a step cannot do without. Matrix products: 2 FLOPs per parameter and token forward, 4 backward, over the parameters
/// of the linear maps (the head is one, the embedding is not). Attention: each query sees half of the keys on average, 2 FLOPs for its
/// score and 2 for its share of the mix per dimension forward, twice that backward. Recomputation (checkpointing, the fused kernel's
/// own) and element-wise work count as nothing.
/// </summary>
internal static class StepFlops
{
    public static double Forward(DecoderConfig config, long batch, long tokens)
    {
        double querySize = (double)config.NumAttentionHeads * config.HeadDim, kvSize = (double)config.NumKeyValueHeads * config.HeadDim;
        double layer = (2 * config.HiddenSize * querySize) + (2 * config.HiddenSize * kvSize)
            + (3.0 * config.HiddenSize * config.IntermediateSize);
        double parameters = (config.NumHiddenLayers * layer) + ((double)config.HiddenSize * config.VocabSize);
        double attention = 4 * querySize * config.NumHiddenLayers * tokens * tokens / 2;
        return batch * ((2 * parameters * tokens) + attention);
    }

    public static double Training(DecoderConfig config, long batch, long tokens) => 3 * Forward(config, batch, tokens);
}
