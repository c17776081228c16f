using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Kernels;

/// <summary>Shapes of one attention call, and how its work is divided among threads.</summary>
/// <remarks>
/// The letters are those of <see cref="TiledAttention"/>: query [N, T, H, D], key [N, S, K, D], W = D rounded up to whole tiles.
/// </remarks>
internal sealed unsafe class TilePlan(Tensor query, Tensor key, int? window)
{
    private const int MinWork = 1 << 17; // query-key pairs that pay for another thread

    private readonly int _threads = query.size(0) * query.size(1) * key.size(1) * query.size(2) < MinWork ? 1 : get_num_threads();

    public CausalWindow Window { get; } = new((int)query.size(1), (int)key.size(1), window ?? (int)key.size(1));
    public int Sequences { get; } = (int)query.size(0);
    public int Heads { get; } = (int)query.size(2);
    public int KvHeads { get; } = (int)key.size(2);
    public int Dim { get; } = (int)query.size(3);
    public int GroupSize => Heads / KvHeads;
    public int PaddedDim => Avx512Gemm.RoundUp(Dim, Avx512Gemm.TileColumns / 2);
    public float Scale => 1 / MathF.Sqrt(Dim);

    /// <summary>Parts per head, so that threads get equal work or the parts are many.</summary>
    public int SplitCount(int heads, int most)
    {
        int parts = 1;
        while (parts < most && heads * parts % _threads != 0 && heads * parts < 8 * _threads)
        {
            parts++;
        }
        return parts;
    }

    /// <summary>Threads take the next unit as they become free; the result does not depend on which thread computes it.</summary>
    /// <param name="scratch">elements that a unit needs at most</param>
    public void ForEachUnit(int units, long scratch, Action<int, Workspace> work)
    {
        // Allocated by libtorch, whose heap keeps freed memory: a pool thread's own heap would return it and fault pages in again.
        using var scope = NewDisposeScope();
        Tensor memory = empty([_threads, scratch + Avx512Gemm.VectorWidth], ScalarType.Float32, CPU);
        using TensorPointers pointers = new();
        float* start = pointers.To<float>(memory);
        ParallelWork.For(
            _threads, units, (thread, unit) => work(unit, new Workspace(start + (thread * (scratch + Avx512Gemm.VectorWidth)))));
    }
}
