using System.Globalization;

namespace Skipwise.Distributed.Nccl;

/// <summary>What torchrun tells its processes. There is no MPI: NCCL's ranks find each other by an address.</summary>
/// <param name="Place">of this process</param>
/// <param name="Address">host:port, where rank 0 listens: the value of <see cref="AddressVariable"/></param>
internal sealed record Torchrun(RankPlace Place, string Address)
{
    /// <summary>
    /// Environment variable of NCCL: ranks that have the same value have the same unique id, which then needs no way of its own.
    /// </summary>
    public const string AddressVariable = "NCCL_COMM_ID";

    /// <param name="variable">the value of an environment variable, or null</param>
    /// <exception cref="SkipwiseException">one is missing</exception>
    public static Torchrun Read(Func<string, string?> variable)
    {
        string Text(params string[] names) => names.Select(variable).FirstOrDefault(value => !string.IsNullOrEmpty(value))
            ?? throw new SkipwiseException(
                $"The environment has RANK and WORLD_SIZE, as torchrun sets them, but no {names[0]}. Start the processes with torchrun, "
                + "mpirun or srun, or unset RANK.");
        int Number(params string[] names) =>
            int.TryParse(Text(names), NumberStyles.None, CultureInfo.InvariantCulture, out int value) ? value
                : throw new SkipwiseException($"{names[0]}={Text(names)}: expected a number, as torchrun sets it.");
        // DeepSpeed's launcher has another name for the last
        var place = new RankPlace(Number("RANK"), Number("WORLD_SIZE"), Number("LOCAL_RANK"), Number("LOCAL_WORLD_SIZE", "LOCAL_SIZE"));
        if (variable(AddressVariable) is { Length: > 0 } given)
        {
            return new(place, given);
        }
        string host = place.LocalSize == place.Size ? "127.0.0.1" : Text("MASTER_ADDR");
        int port = Number("MASTER_PORT"); // torchrun itself may listen there
        return new(place, FormattableString.Invariant(
            $"{(host.Contains(':') ? $"[{host}]" : host)}:{(port < ushort.MaxValue ? port + 1 : port - 1)}"));
    }
}
