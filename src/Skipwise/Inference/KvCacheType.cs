namespace Skipwise.Inference;

/// <summary>How keys and values are stored.</summary>
public enum KvCacheType
{
    /// <summary>in the type in which the model computes</summary>
    Auto,
    /// <summary>32-bit floating point</summary>
    Float32,
    /// <summary>bfloat16</summary>
    Bfloat16,
    /// <summary>float16</summary>
    Float16,
    /// <summary>integers of 8 bits, in blocks of 32 of a head's dimensions with a float16 scale each (llama.cpp's q8_0)</summary>
    Int8,
}
