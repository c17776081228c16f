namespace Skipwise.Rope;

public static partial class RopeFrequency
{
    /// <summary>The extended window in tokens: original * factor, rounded and clamped to an int.</summary>
    internal static int ExtendedLength(int original, double factor) => (int)Math.Min(int.MaxValue, Math.Round(original * factor));

    /// <summary>Whether sequences of these two lengths, in tokens, are rotated by the same frequencies.</summary>
    public static bool AreEqualAt(RopeOptions rope, int length, int other)
    {
        int original = rope.OriginalMaxPositionEmbeddings;
        return rope.Type switch
        {
            RopeType.DynamicNtk => Math.Max(length, original) == Math.Max(other, original),
            RopeType.LongRope => (length > original) == (other > original) || rope.ShortFactor!.SequenceEqual(rope.LongFactor!),
            _ => true,
        };
    }

    /// <summary>Whether there are two lengths that are rotated by different frequencies.</summary>
    public static bool DependsOnLength(RopeOptions rope) => !AreEqualAt(rope, 0, int.MaxValue);

    /// <summary>
    /// A scaling that is independent of the length and equals <paramref name="rope"/> at this length.
    /// </summary>
    /// <param name="rope">valid options</param>
    /// <param name="length">in tokens</param>
    public static RopeOptions Pinned(RopeOptions rope, int length)
    {
        IReadOnlyList<double>? divisors = length > rope.OriginalMaxPositionEmbeddings ? rope.LongFactor : rope.ShortFactor;
        return rope.Type switch
        {
            RopeType.DynamicNtk => rope with { Type = RopeType.Ntk, Factor = GrownFactor(rope, length) },
            RopeType.LongRope => rope with { ShortFactor = divisors, LongFactor = divisors },
            _ => rope,
        };
    }
}
