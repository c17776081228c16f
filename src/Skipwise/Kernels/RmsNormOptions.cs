using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Kernels;

/// <summary>What an RMS norm is computed with besides its input and weight.</summary>
/// <param name="size">C, of the last dimension</param>
/// <param name="eps">added to the mean of squares</param>
/// <param name="weightOffset">added to the weight: what a weight of 0 stands for</param>
internal sealed class RmsNormOptions(int size, double eps, double weightOffset)
{
    // Kept: TorchSharp boxes a number in a temporary that the collector may take while the kernel still reads it.
    public Scalar Size { get; } = size.ToScalar();
    public Scalar EpsScalar { get; } = eps.ToScalar();
    public Scalar WeightOffset { get; } = weightOffset.ToScalar();

    public float Eps { get; } = (float)eps;
    public bool HasOffset { get; } = weightOffset != 0;

    /// <summary>What x / sqrt(...) is multiplied with; a new tensor only where there is an offset.</summary>
    public Tensor Factor(Tensor weight) => HasOffset ? weight.add(WeightOffset) : weight;
}
