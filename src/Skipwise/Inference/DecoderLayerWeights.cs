using Skipwise.Kernels.Decoding;

namespace Skipwise.Inference;

/// <summary>Weights of one layer, as <see cref="CpuDecoder"/> reads them.</summary>
/// <param name="FeedForwardNorm">null: the feed-forward reads the attention's norm</param>
/// <param name="QueryNorm">null: queries are not normalized</param>
/// <param name="KeyNorm">null: keys are not normalized</param>
/// <param name="Gate">null: the feed-forward is not gated</param>
internal sealed record DecoderLayerWeights(
    NormWeights AttentionNorm, NormWeights? FeedForwardNorm, NormWeights? QueryNorm, NormWeights? KeyNorm, DecodeMatrix Query,
    DecodeMatrix Key, DecodeMatrix Value, DecodeMatrix Output, DecodeMatrix? Gate, DecodeMatrix Up, DecodeMatrix Down);
