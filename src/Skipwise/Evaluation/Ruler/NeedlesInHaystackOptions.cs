namespace Skipwise.Evaluation.Ruler;

/// <summary>The type of haystack.</summary>
internal enum NeedleHaystack
{
    /// <summary>prose, needles between its sentences</summary>
    Essays,
    /// <summary>one repeated sentence, one per line</summary>
    Noise,
    /// <summary>needles with other keys, one per line</summary>
    Needles,
}

/// <summary>The type of keys and values.</summary>
internal enum NeedleKind
{
    Words,
    Numbers,
    Uuids,
}

/// <summary>The parameters that distinguish the eight needle tasks.</summary>
internal sealed record NeedlesInHaystackOptions
{
    public NeedleHaystack Haystack { get; init; } = NeedleHaystack.Essays;
    public NeedleKind Keys { get; init; } = NeedleKind.Words;
    public NeedleKind Values { get; init; } = NeedleKind.Numbers;
    /// <summary>k, number of keys; at least the number of queries is used</summary>
    public int NumKeys { get; init; } = 1;
    /// <summary>v, number of values per key</summary>
    public int NumValues { get; init; } = 1;
    /// <summary>q, number of keys asked for</summary>
    public int NumQueries { get; init; } = 1;
}
