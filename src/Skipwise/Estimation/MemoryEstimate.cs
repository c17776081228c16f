namespace Skipwise.Estimation;

/// <summary>Memory of a step, in bytes.</summary>
/// <param name="Process">the program itself, libtorch and all; on a GPU all that is taken before the run, by others too</param>
/// <param name="Weights">parameters, frozen and packed ones too</param>
/// <param name="Gradients">of what is trained</param>
/// <param name="Optimizer">its state, and the float32 masters of narrower weights; offloaded from a GPU, it is in host memory and no part
/// of the peak</param>
/// <param name="BackwardPeak">the most that activations, scores and gradients take at once: many activations have gone before the last
/// gradients come</param>
/// <param name="Logits">of it, the scores of one chunk of tokens</param>
/// <param name="Peak">program + weights + optimizer + working</param>
public sealed record MemoryEstimate(long Process, long Weights, long Gradients, long Optimizer, long BackwardPeak, long Logits, long Peak);
