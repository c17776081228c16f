namespace Skipwise.Inference;

/// <summary>Token sequences as in a dictionary: those that begin alike stand together.</summary>
public sealed class TokenSequenceComparer : IComparer<int[]>
{
    public static TokenSequenceComparer Instance { get; } = new();

    private TokenSequenceComparer() { }

    public int Compare(int[]? x, int[]? y) => x.AsSpan().SequenceCompareTo(y);
}
