namespace Skipwise.Positions;

/// <summary>Relative distances <paramref name="First"/>..<paramref name="Last"/>, both included.</summary>
public readonly record struct DistanceRange(int First, int Last)
{
    /// <summary>number of distances in the range</summary>
    public int Count => Last - First + 1;
}
