namespace Skipwise.Kernels.Decoding;

/// <summary>How the numbers of a matrix lie in memory.</summary>
internal enum WeightFormat
{
    /// <summary>float32</summary>
    Float32,
    /// <summary>upper half of a float32</summary>
    BFloat16,
    /// <summary>IEEE 754's binary16, finite numbers</summary>
    Float16,
    /// <summary>integers of 8 bits, with a float32 scale for every 64</summary>
    Int8,
    /// <summary>integers of 8 bits in blocks of 32, each block after its float16 scale, as ggml's Q8_0</summary>
    Int8Blocks,
    /// <summary>NormalFloat4 codes, two per byte, with a float32 scale for every 64</summary>
    NormalFloat4,
}
