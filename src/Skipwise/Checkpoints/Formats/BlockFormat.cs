namespace Skipwise.Checkpoints.Formats;

/// <summary>A type whose elements are stored in blocks: consecutive elements of a row share a scale.</summary>
/// <param name="Elements">per block; every row is a multiple of them</param>
/// <param name="Bytes">per block</param>
/// <param name="Decode">converts whole blocks to float32; null if the type is only listed</param>
/// <param name="Encode">converts float32 to whole blocks; null if the type is not written</param>
internal sealed record BlockFormat(int Elements, int Bytes, BlockFormat.Dequantize? Decode, BlockFormat.Quantize? Encode = null)
{
    public delegate void Dequantize(ReadOnlySpan<byte> blocks, Span<float> values);

    public delegate void Quantize(ReadOnlySpan<float> values, Span<byte> blocks);
}
