using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Models.Fused;

/// <summary>One attention's shapes, and who shares its work.</summary>
/// <remarks>The letters are those of <see cref="TiledAttention"/>: query [N, T, H, D], key [N, S, K, D], W as wide as D in whole tiles.</remarks>
internal sealed unsafe class AttentionPlan(Tensor query, Tensor key, int? window)
{
    private const int LeastWork = 1 << 17; // pairs of query and key that are worth waking another thread for

    private readonly int _threads = query.size(0) * query.size(1) * key.size(1) * query.size(2) < LeastWork ? 1 : get_num_threads();

    public Sight Sight { get; } = new((int)query.size(1), (int)key.size(1), window ?? (int)key.size(1));
    public int Sequences { get; } = (int)query.size(0);
    public int Heads { get; } = (int)query.size(2);
    public int KvHeads { get; } = (int)key.size(2);
    public int Dim { get; } = (int)query.size(3);
    public int Group => Heads / KvHeads;
    public int Wide => Tiles.RoundUp(Dim, Tiles.Columns / 2);
    public float Scale => 1 / MathF.Sqrt(Dim);

    /// <summary>Into how many parts a head's work is cut, so that it comes out even or the parts are many.</summary>
    public int Parts(int heads, int most)
    {
        int parts = 1;
        while (parts < most && heads * parts % _threads != 0 && heads * parts < 8 * _threads)
        {
            parts++;
        }
        return parts;
    }

    /// <summary>Whoever is free takes the next; what comes out does not depend on who did.</summary>
    /// <param name="room">numbers that one of them takes at most</param>
    public void Each(int units, long room, Action<int, Workspace> work)
    {
        // By libtorch, whose heap keeps what was freed: the thread's own would give it back, and clearing its pages again took 3 % of a step.
        using var scope = NewDisposeScope();
        Tensor rooms = empty([_threads, room + Tiles.Lanes], ScalarType.Float32, CPU);
        float* start = TensorStart.Of<float>(rooms);
        Cores.Each(_threads, units, (thread, unit) => work(unit, new Workspace(start + (thread * (room + Tiles.Lanes)))));
    }
}
