namespace Skipwise.Kernels.Decoding;

/// <summary>A matrix [rows, columns] in row order whose product with few vectors is wanted, and its bias.</summary>
/// <param name="format">of its numbers</param>
/// <param name="data">the first number; the memory stays the caller's</param>
/// <param name="scales">of its blocks; null where the format has none</param>
/// <param name="bias">float32 [rows]; null: none</param>
internal sealed unsafe class DecodeMatrix(WeightFormat format, byte* data, float* scales, float* bias, int rows, int columns)
{
    private const int UnitBytes = 1 << 16, MaxUnitRows = 256;

    public WeightFormat Format => format;

    public byte* Data => data;

    public float* Scales => scales;

    public float* Bias => bias;

    public int Rows => rows;

    public int Columns => columns;

    /// <summary>Rows that a thread takes at once, a multiple of 4: large enough to be read at the memory's speed.</summary>
    public int UnitRows { get; } =
        (int)Math.Clamp((UnitBytes / Math.Max(1, BitsOf(format) * (long)columns / 8) + 3) / 4 * 4, 4, MaxUnitRows);

    /// <summary>units of <see cref="UnitRows"/> rows; the last may have fewer</summary>
    public int Units => (rows + UnitRows - 1) / UnitRows;

    public static int BitsOf(WeightFormat format) => format switch
    {
        WeightFormat.Float32 => 32,
        WeightFormat.BFloat16 or WeightFormat.Float16 => 16,
        WeightFormat.Int8 or WeightFormat.Int8Blocks => 8,
        _ => 4,
    };
}
