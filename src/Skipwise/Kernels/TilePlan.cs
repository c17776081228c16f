using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Kernels;

/// <summary>Shapes of one attention call, and how its work is divided among threads.</summary>
/// <remarks>
/// The letters are those of <see cref="TiledAttention{TLanes, T}"/>: query [N, T, H, D], key [N, S, K, D], W = D rounded up to whole tiles.
/// </remarks>
/// <param name="columns">of a tile</param>
internal sealed unsafe class TilePlan(Tensor query, Tensor key, int? window, int columns)
{
    /// <summary>rows of a tile; a result's rows are a multiple of it</summary>
    public const int TileRows = 6;
    /// <summary>queries of a block: a multiple of a tile's columns and rows</summary>
    public const int QueryBlock = 192;
    /// <summary>keys of a block: a multiple of a tile's rows</summary>
    public const int KeyBlock = 96;

    private const int MinWork = 1 << 17; // query-key pairs that pay for another thread

    private readonly int _threads = query.size(0) * query.size(1) * key.size(1) * query.size(2) < MinWork ? 1 : get_num_threads();

    public CausalWindow Window { get; } = new((int)query.size(1), (int)key.size(1), window ?? (int)key.size(1));
    public int Sequences { get; } = (int)query.size(0);
    public int Heads { get; } = (int)query.size(2);
    public int KvHeads { get; } = (int)key.size(2);
    public int Dim { get; } = (int)query.size(3);
    public int GroupSize => Heads / KvHeads;
    public int PaddedDim => RoundUp(Dim, columns);
    public float Scale => 1 / MathF.Sqrt(Dim);

    /// <summary>Rounds up to a multiple.</summary>
    public static int RoundUp(int number, int multiple) => (number + multiple - 1) / multiple * multiple;

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
        Tensor memory = empty([_threads, scratch + Workspace.Alignment], ScalarType.Float32, CPU);
        using TensorPointers pointers = new();
        float* start = pointers.To<float>(memory);
        ParallelWork.For(
            _threads, units, (thread, unit) => work(unit, new Workspace(start + (thread * (scratch + Workspace.Alignment)))));
    }
}
