namespace Skipwise.Estimation;

/// <summary>
/// Seconds of an operation of all ranks by a ring: each rank sends a part of the tensor to the next one, n - 1 times for a reduce-scatter
/// or an all-gather, which sends (n - 1) / n of it; an all-reduce is one after the other.
/// </summary>
/// <param name="Ranks">n</param>
/// <param name="LapSeconds">latency of n - 1 hops</param>
/// <param name="SecondsPerByte">that a rank sends</param>
/// <param name="SecondsPerAddedByte">that a rank receives and adds to its own; a GPU adds in no time</param>
internal readonly record struct RingCost(int Ranks, double LapSeconds, double SecondsPerByte, double SecondsPerAddedByte = 0)
{
    /// <summary>Ranks on machines of several GPUs each.</summary>
    /// <param name="inside">between GPUs of a machine: latency of a hop, bytes per second of a GPU</param>
    /// <param name="between">between machines: latency of a hop, bytes per second of a GPU's part of the network. There are as many rings
    /// as GPUs in a machine, and each leaves it by the network of another GPU</param>
    public static RingCost OfMachines(
        int ranks, int perMachine, (double HopSeconds, double BytesPerSecond) inside, (double HopSeconds, double BytesPerSecond) between)
    {
        int machines = (ranks + perMachine - 1) / perMachine;
        double lap = ((ranks - machines) * inside.HopSeconds) + ((machines - 1) * between.HopSeconds);
        double slowest = machines == 1 ? inside.BytesPerSecond : Math.Min(inside.BytesPerSecond, perMachine * between.BytesPerSecond);
        return new(ranks, lap, 1 / slowest);
    }

    /// <param name="bytes">of the whole tensor</param>
    public double AllGather(double bytes) => LapSeconds + (Sent(bytes) * SecondsPerByte);

    /// <inheritdoc cref="AllGather"/>
    public double ReduceScatter(double bytes) => AllGather(bytes) + (Sent(bytes) * SecondsPerAddedByte);

    /// <inheritdoc cref="AllGather"/>
    public double AllReduce(double bytes) => ReduceScatter(bytes) + AllGather(bytes);

    private double Sent(double bytes) => bytes * (Ranks - 1) / Ranks;
}
