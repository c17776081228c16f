using System.Runtime.Intrinsics;

namespace Skipwise.Kernels;

/// <summary>Causal-window mask of 16 queries.</summary>
internal readonly ref struct LaneMask(CausalWindow window, int query)
{
    private readonly int _firstOfAll = window.FirstKey(query + Avx512Gemm.VectorWidth - 1), _lastOfAll = window.LastKey(query);
    private readonly Vector512<int> _token = Vector512<int>.Indices + Vector512.Create(query + window.Keys - window.Queries);

    public bool AllLanes(int key) => key >= _firstOfAll && key <= _lastOfAll;

    public Vector512<float> Mask(int key) =>
        (Vector512.GreaterThanOrEqual(_token, Vector512.Create(key))
            & Vector512.LessThan(_token, Vector512.Create((int)Math.Min(int.MaxValue, (long)key + window.Window)))).AsSingle();
}
