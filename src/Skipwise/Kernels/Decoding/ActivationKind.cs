namespace Skipwise.Kernels.Decoding;

/// <summary>An activation function.</summary>
internal enum ActivationKind
{
    /// <summary>x sigmoid(x)</summary>
    Silu,
    /// <summary>x Phi(x), Phi the normal distribution function</summary>
    Gelu,
    /// <summary>GELU, tanh approximation</summary>
    GeluTanh,
}
