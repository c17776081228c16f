namespace Skipwise.Estimation;

/// <summary>Memory of a training step, in bytes.</summary>
/// <param name="Process">the process itself with libtorch; on a GPU all memory in use before the run, other processes included</param>
/// <param name="Weights">parameters, frozen and quantized ones too</param>
/// <param name="Gradients">of trained parameters</param>
/// <param name="Optimizer">optimizer state and float32 master weights; if offloaded, in host memory and no part of the peak</param>
/// <param name="BackwardPeak">
/// the largest sum of activations, logits and gradients: many activations are freed before the last gradients exist
/// </param>
/// <param name="Logits">part of it: the logits of one chunk of tokens</param>
/// <param name="Peak">process + weights + optimizer + backward peak</param>
public sealed record MemoryEstimate(long Process, long Weights, long Gradients, long Optimizer, long BackwardPeak, long Logits, long Peak);
