using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Kernels;

/// <summary>Constants of an RMS norm.</summary>
/// <param name="size">C, elements of the last dimension</param>
/// <param name="eps">added to the mean of squares</param>
/// <param name="weightOffset">added to the weight: the factor of a weight of 0</param>
internal sealed class RmsNormOptions(int size, double eps, double weightOffset)
{
    // Kept alive: TorchSharp boxes a Scalar in a temporary that the garbage collector may free while the kernel still reads it.
    public Scalar Size { get; } = size.ToScalar();
    public Scalar EpsScalar { get; } = eps.ToScalar();
    public Scalar WeightOffset { get; } = weightOffset.ToScalar();

    public float Eps { get; } = (float)eps;
    public bool HasOffset { get; } = weightOffset != 0;

    /// <summary>Factor of x / sqrt(...); a new tensor only if there is an offset.</summary>
    public Tensor Factor(Tensor weight) => HasOffset ? weight.add(WeightOffset) : weight;
}
