using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Kernels;

/// <summary>One attention's shapes, and who shares its work.</summary>
/// <remarks>
/// The letters are those of <see cref="TiledAttention"/>: query [N, T, H, D], key [N, S, K, D], W as wide as D in whole tiles.
/// </remarks>
internal sealed unsafe class TilePlan(Tensor query, Tensor key, int? window)
{
    private const int LeastWork = 1 << 17; // pairs of query and key that are worth waking another thread for

    private readonly int _threads = query.size(0) * query.size(1) * key.size(1) * query.size(2) < LeastWork ? 1 : get_num_threads();

    public CausalWindow Window { get; } = new((int)query.size(1), (int)key.size(1), window ?? (int)key.size(1));
    public int Sequences { get; } = (int)query.size(0);
    public int Heads { get; } = (int)query.size(2);
    public int KvHeads { get; } = (int)key.size(2);
    public int Dim { get; } = (int)query.size(3);
    public int GroupSize => Heads / KvHeads;
    public int PaddedDim => Avx512Gemm.RoundUp(Dim, Avx512Gemm.TileColumns / 2);
    public float Scale => 1 / MathF.Sqrt(Dim);

    /// <summary>Into how many parts a head's work is cut, so that it comes out even or the parts are many.</summary>
    public int SplitCount(int heads, int most)
    {
        int parts = 1;
        while (parts < most && heads * parts % _threads != 0 && heads * parts < 8 * _threads)
        {
            parts++;
        }
        return parts;
    }

    /// <summary>Whoever is free takes the next; what comes out does not depend on who did.</summary>
    /// <param name="scratch">numbers that one of them takes at most</param>
    public void ForEachUnit(int units, long scratch, Action<int, Workspace> work)
    {
        // By libtorch, whose heap keeps what was freed: the thread's own would give it back, and clearing its pages again took 3 % of a
        // step.
        using var scope = NewDisposeScope();
        Tensor rooms = empty([_threads, scratch + Avx512Gemm.VectorWidth], ScalarType.Float32, CPU);
        using TensorPointers pointers = new();
        float* start = pointers.To<float>(rooms);
        ParallelWork.For(
            _threads, units, (thread, unit) => work(unit, new Workspace(start + (thread * (scratch + Avx512Gemm.VectorWidth)))));
    }
}
