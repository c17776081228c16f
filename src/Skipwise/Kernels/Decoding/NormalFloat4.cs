using System.Runtime.InteropServices;

namespace Skipwise.Kernels.Decoding;

/// <summary>NormalFloat4 (Dettmers et al. 2023): 16 quantiles of a normal distribution, seven negative, zero, eight positive, scaled to
/// [-1, 1].</summary>
internal static unsafe class NormalFloat4
{
    /// <summary>the number that each code stands for</summary>
    public static IReadOnlyList<float> Values { get; } =
    [
        -1.0f, -0.6961928009986877f, -0.5250730514526367f, -0.39491748809814453f, -0.28444138169288635f, -0.18477343022823334f,
        -0.09105003625154495f, 0.0f,
        0.07958029955625534f, 0.16093020141124725f, 0.24611230194568634f, 0.33791524171829224f, 0.44070982933044434f, 0.5626170039176941f,
        0.7229568362236023f, 1.0f,
    ];

    /// <summary>the same in memory that does not move: float32 [16]</summary>
    public static readonly float* Table = CreateTable();

    private static float* CreateTable()
    {
        var table = (float*)NativeMemory.AlignedAlloc(16 * sizeof(float), 64); // lives as long as the process
        for (int code = 0; code < Values.Count; code++)
        {
            table[code] = Values[code];
        }
        return table;
    }
}
