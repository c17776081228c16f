namespace Skipwise.Inference;

/// <summary>Compares token sequences lexicographically, so that common prefixes are adjacent.</summary>
internal sealed class TokenSequenceComparer : IComparer<int[]>
{
    /// <summary>The only instance.</summary>
    public static TokenSequenceComparer Instance { get; } = new();

    private TokenSequenceComparer() { }

    /// <inheritdoc/>
    public int Compare(int[]? x, int[]? y) => x.AsSpan().SequenceCompareTo(y);
}
