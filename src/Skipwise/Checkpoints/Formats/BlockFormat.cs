namespace Skipwise.Checkpoints.Formats;

/// <summary>A type whose elements are stored in blocks: consecutive elements of a row share a scale.</summary>
/// <param name="Elements">per block; every row is a multiple of them</param>
/// <param name="Bytes">per block</param>
/// <param name="Decode">converts whole blocks to float32; null if the type is only listed</param>
internal sealed record BlockFormat(int Elements, int Bytes, BlockFormat.Conversion? Decode)
{
    public delegate void Conversion(ReadOnlySpan<byte> blocks, Span<float> values);
}
