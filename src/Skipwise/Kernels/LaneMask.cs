namespace Skipwise.Kernels;

/// <summary>Causal-window mask of as many queries as a vector has lanes.</summary>
/// <param name="query">the first</param>
internal readonly ref struct LaneMask(CausalWindow window, int query, int lanes)
{
    private readonly int _firstOfAll = window.FirstKey(query + lanes - 1), _lastOfAll = window.LastKey(query);
    private readonly int _token = query + window.Keys - window.Queries;

    public bool AllLanes(int key) => key >= _firstOfAll && key <= _lastOfAll;

    /// <summary>Lanes of the queries that attend to the key, as [first, end).</summary>
    public (int First, int End) LanesOf(int key) => (key - _token, (int)Math.Min(int.MaxValue, (long)key - _token + window.Window));
}
