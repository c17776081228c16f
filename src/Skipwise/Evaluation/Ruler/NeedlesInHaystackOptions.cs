namespace Skipwise.Evaluation.Ruler;

/// <summary>What the needles are hidden in.</summary>
internal enum NeedleHaystack
{
    /// <summary>prose, needles between its sentences</summary>
    Essays,
    /// <summary>one sentence over and over, one per line</summary>
    Noise,
    /// <summary>needles with other keys, one per line</summary>
    Needles,
}

/// <summary>What keys and values are.</summary>
internal enum NeedleKind
{
    Words,
    Numbers,
    Uuids,
}

/// <summary>The eight needle tasks differ in these alone.</summary>
internal sealed record NeedlesInHaystackOptions
{
    public NeedleHaystack Haystack { get; init; } = NeedleHaystack.Essays;
    public NeedleKind Keys { get; init; } = NeedleKind.Words;
    public NeedleKind Values { get; init; } = NeedleKind.Numbers;
    /// <summary>k: there are never fewer keys than queries</summary>
    public int NumKeys { get; init; } = 1;
    /// <summary>v, values per key</summary>
    public int NumValues { get; init; } = 1;
    /// <summary>q, keys asked for</summary>
    public int NumQueries { get; init; } = 1;
}
