namespace Skipwise.Generation;

/// <summary>Token sequences as in a dictionary: those that begin alike stand together.</summary>
public sealed class TokenOrder : IComparer<int[]>
{
    public static TokenOrder Instance { get; } = new();

    private TokenOrder() { }

    public int Compare(int[]? x, int[]? y) => x.AsSpan().SequenceCompareTo(y);
}
