namespace Skipwise.Rope;

/// <summary>Which two of the R rotary dimensions are rotated together as pair i.</summary>
public enum RotaryLayout
{
    /// <summary>i and R/2 + i (Llama, GPT-NeoX)</summary>
    RotateHalf,
    /// <summary>2i and 2i + 1 (GPT-J)</summary>
    Interleaved,
}
