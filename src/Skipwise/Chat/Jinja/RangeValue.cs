using System.Numerics;

namespace Skipwise.Chat.Jinja;

/// <summary>A range.</summary>
internal sealed record RangeValue(BigInteger Start, BigInteger Stop, BigInteger Step, int Count)
{
    private const int MostItems = 100_000; // jinja2's sandbox has the same limit

    /// <summary>Makes a range.</summary>
    /// <exception cref="TemplateFault">the step is zero, or the range too long</exception>
    public static RangeValue Create(BigInteger start, BigInteger stop, BigInteger step)
    {
        if (step.IsZero)
        {
            throw new TemplateFault("the step of a range is 0");
        }
        BigInteger distance = step.Sign > 0 ? stop - start : start - stop;
        BigInteger count = distance.Sign > 0 ? (distance + BigInteger.Abs(step) - 1) / BigInteger.Abs(step) : 0;
        return count <= MostItems ? new(start, stop, step, (int)count)
            : throw new TemplateFault($"a range has more than {MostItems} items");
    }

    /// <summary>The item of an index.</summary>
    public object this[int index] => Start + (Step * index);
}
