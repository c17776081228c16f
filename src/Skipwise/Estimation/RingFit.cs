using static TorchSharp.torch;

namespace Skipwise.Estimation;

/// <summary>The three numbers of <see cref="RingCost"/> that timed operations give.</summary>
/// <param name="HopSeconds">latency from a rank to the next</param>
/// <param name="SecondsPerByte">that a rank sends</param>
/// <param name="SecondsPerAddedByte">that a rank receives and adds to its own</param>
internal readonly record struct RingFit(double HopSeconds, double SecondsPerByte, double SecondsPerAddedByte)
{
    /// <summary>
    /// The numbers with the least squares of relative errors: an operation's time is a sum of multiples of the three, and short operations
    /// count as much as long ones.
    /// </summary>
    /// <param name="timed">operations of at least two ranks: laps around the ring, those of them that add, ranks, bytes of the tensor,
    /// seconds</param>
    /// <exception cref="ArgumentException">the times do not grow with the number of hops or bytes, so that they tell nothing</exception>
    public static RingFit Of(IReadOnlyList<(int Laps, int Adding, int Ranks, double Bytes, double Seconds)> timed)
    {
        using var scope = NewDisposeScope();
        double[] rows = [.. timed.SelectMany(one =>
        {
            double hops = one.Ranks - 1, sent = one.Bytes * hops / one.Ranks;
            return (double[])[one.Laps * hops / one.Seconds, one.Laps * sent / one.Seconds, one.Adding * sent / one.Seconds];
        })];
        Tensor a = tensor(rows, [timed.Count, 3]);
        Tensor scale = a.abs().amax([0]); // a hop is a million bytes: columns of one size
        double[] x = [.. (linalg.lstsq(a / scale, ones([timed.Count, 1], ScalarType.Float64)).Solution.view(3) / scale).data<double>()];
        return x.All(part => part >= 0) && double.IsFinite(x.Sum()) ? new(x[0], x[1], x[2])
            : throw new ArgumentException("the times of the operations do not grow with their size");
    }

    /// <summary>The cost of operations of so many ranks.</summary>
    public RingCost For(int ranks) => new(ranks, (ranks - 1) * HopSeconds, SecondsPerByte, SecondsPerAddedByte);
}
