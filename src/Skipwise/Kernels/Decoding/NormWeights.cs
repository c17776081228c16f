namespace Skipwise.Kernels.Decoding;

/// <summary>A norm's numbers.</summary>
/// <param name="factor">float32 [size]</param>
/// <param name="bias">float32 [size] of a layer norm, which subtracts the mean; null: an RMS norm</param>
/// <param name="eps">added to the variance</param>
internal sealed unsafe class NormWeights(float* factor, float* bias, int size, float eps)
{
    public float* Factor => factor;

    public float* Bias => bias;

    public int Size => size;

    public float Eps => eps;
}
