using System.Text;
using Skipwise.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Distributed.Mpi;

/// <summary>
/// Collective operations by MPI, through the C interface of the library that belongs to the launcher. It moves host tensors; those of other
/// devices are copied.
/// </summary>
/// <remarks>
/// A rank that gives no sign of life (stopped, or its host is gone) is noticed within <see cref="Silence"/>, a rank that does not take part
/// in an operation within <see cref="Patience"/>: then the operations of the others fail.
/// </remarks>
public sealed class MpiCollective : ICollective
{
    /// <summary>Environment variable: seconds without a sign of life after which a rank is given up.</summary>
    public const string SilenceVariable = "SKIPWISE_RANK_TIMEOUT";

    /// <summary>Environment variable: seconds after which an operation that does not end is given up.</summary>
    public const string PatienceVariable = "SKIPWISE_COLLECTIVE_TIMEOUT";

    private readonly CommunicationThread _thread;
    private readonly MpiAbi _abi;
    private readonly string[] _hosts = [];

    private MpiCollective(Launcher launcher, TimeSpan silence, TimeSpan patience)
    {
        MpiLibrary? library = null;
        _thread = new CommunicationThread(() => library = MpiLibraries.Load(launcher), NameOf, silence, patience);
        (Rank, Size, string version) = _thread.Start();
        (_abi, Description) = (library!.Abi, version);
        RequireSize(launcher, library.Path, version);
        _hosts = [.. this.AllGather(Encoding.UTF8.GetBytes(Environment.MachineName)).Select(Encoding.UTF8.GetString)];
        LocalRank = _hosts.Take(Rank).Count(host => host == _hosts[Rank]);
        LocalSize = _hosts.Count(host => host == _hosts[Rank]);
    }

    /// <summary>Time without a sign of life after which a rank is given up, if <see cref="SilenceVariable"/> is not set.</summary>
    public static TimeSpan Silence { get; } = TimeSpan.FromSeconds(20);

    /// <summary>Time after which an operation that does not end is given up, if <see cref="PatienceVariable"/> is not set.</summary>
    public static TimeSpan Patience { get; } = TimeSpan.FromMinutes(30);

    /// <inheritdoc/>
    public int Rank { get; }

    /// <inheritdoc/>
    public int Size { get; }

    /// <inheritdoc/>
    public int LocalRank { get; }

    /// <inheritdoc/>
    public int LocalSize { get; }

    /// <inheritdoc/>
    public string Description { get; }

    Exception? ICollective.Failure => _thread.Failure;

    /// <summary>Joins the other processes that the launcher started.</summary>
    /// <exception cref="SkipwiseException">no MPI library, or not that of the launcher</exception>
    public static MpiCollective Join(Launcher launcher) =>
        new(launcher, Seconds(SilenceVariable, 2 * Heartbeat.IntervalMilliseconds / 1000) ?? Silence, PatienceOfEnvironment());

    /// <summary><see cref="Patience"/>, or what the environment says.</summary>
    internal static TimeSpan PatienceOfEnvironment() => Seconds(PatienceVariable) ?? Patience;

    /// <inheritdoc/>
    public unsafe ICollectiveHandle BroadcastAsync(Tensor tensor, int root = 0)
    {
        (nint type, int count) = Units("broadcast", tensor);
        var memory = new HostMemory(tensor);
        return Ask("broadcast", (mpi, request) => mpi.Broadcast(memory.Address, count, type, root, request), memory.CopyBack);
    }

    /// <inheritdoc/>
    public unsafe ICollectiveHandle AllReduceAsync(Tensor tensor)
    {
        (nint type, int count) = Numbers("all-reduce", tensor);
        var memory = new HostMemory(tensor);
        return Ask("all-reduce", (mpi, request) => mpi.AllReduce(memory.Address, count, type, request), memory.CopyBack);
    }

    /// <inheritdoc/>
    public unsafe ICollectiveHandle ReduceScatterAsync(Tensor input, Tensor output)
    {
        (nint type, int count) = Numbers("reduce-scatter", output);
        this.RequireParts(output, input);
        _ = Numbers("reduce-scatter", input); // libraries count the whole by an int, too
        var (from, to) = (new HostMemory(input), new HostMemory(output));
        return Ask("reduce-scatter", (mpi, request) => mpi.ReduceScatter(from.Address, to.Address, count, type, request), () =>
        {
            from.Dispose();
            to.CopyBack();
        });
    }

    /// <inheritdoc/>
    public unsafe ICollectiveHandle AllGatherAsync(Tensor input, Tensor output)
    {
        (nint type, int count) = Units("all-gather", input);
        this.RequireParts(input, output);
        var (from, to) = (new HostMemory(input), new HostMemory(output));
        bool isInPlace = from.Address == to.Address + (Rank * (nint)(input.numel() * input.element_size()));
        return Ask("all-gather", (mpi, request) => mpi.AllGather(isInPlace ? null : from.Address, to.Address, count, type, request), () =>
        {
            from.Dispose();
            to.CopyBack();
        });
    }

    /// <inheritdoc/>
    public unsafe ICollectiveHandle BarrierAsync() => Ask("barrier", static (mpi, request) => mpi.Barrier(request), null);

    /// <inheritdoc/>
    public void Abort(int exitCode) => _thread.Abort(exitCode);

    /// <summary>Ends MPI, once all ranks do.</summary>
    public void Dispose() => _thread.Dispose();

    private MpiOperation Ask(string name, MpiOperation.Begins begin, Action? whenDone) =>
        _thread.Ask(new MpiOperation(name, begin, whenDone));

    /// <summary>Type and number of what is copied as it is: in the largest unit, because the number is an int.</summary>
    private (nint Type, int Count) Units(string operation, Tensor tensor)
    {
        long bytes = tensor.numel() * tensor.element_size();
        return bytes % sizeof(double) == 0
            ? (_abi.Double, Count(operation, bytes / sizeof(double), bytes))
            : (_abi.Byte, Count(operation, bytes, bytes));
    }

    private (nint Type, int Count) Numbers(string operation, Tensor tensor) => (tensor.dtype switch
    {
        ScalarType.Float32 => _abi.Float,
        ScalarType.Float64 => _abi.Double,
        ScalarType.Int64 => _abi.Long,
        _ => throw new ArgumentException($"MPI adds up float32, float64 and int64, not {tensor.dtype}", nameof(tensor)),
    }, Count(operation, tensor.numel(), tensor.numel() * tensor.element_size()));

    /// <exception cref="SkipwiseException">more than MPI counts</exception>
    internal static int Count(string operation, long count, long bytes) => count <= int.MaxValue ? (int)count
        : throw new SkipwiseException(FormattableString.Invariant(
            $"{operation}: {bytes / (double)(1 << 30):0.0} GiB in one tensor are {count} numbers, MPI counts up to {int.MaxValue}. ")
            + "Divide the weights among the ranks, or use smaller tensors.");

    private void RequireSize(Launcher launcher, string library, string version)
    {
        if (launcher.Size is { } expected && expected != Size)
        {
            throw new SkipwiseException(
                $"{launcher.Name} started {expected} processes, but MPI ({version}, {library}) knows {Size}: "
                + (launcher.Kind == LauncherKind.Slurm
                    ? "srun has to offer what this library speaks: Open MPI needs srun with mpi=pmix. "
                    : "the library belongs to another MPI than the launcher. Start the processes with the mpirun of that library. ")
                + $"{MpiLibraries.PathVariable} names another library.");
        }
        if (launcher.Rank is { } rank && rank != Rank)
        {
            throw new SkipwiseException(
                $"{launcher.Name} calls this process rank {rank}, but MPI ({version}, {library}) calls it rank {Rank} of {Size}: the "
                + "library belongs to another MPI than the launcher. Start the processes with the mpirun of that library, or name "
                + $"another library by {MpiLibraries.PathVariable}.");
        }
    }

    private string NameOf(int rank) =>
        FormattableString.Invariant($"rank {rank}{(rank < _hosts.Length ? $" on {_hosts[rank]}" : "")}");

    private static TimeSpan? Seconds(string variable, double least = 0.001)
    {
        string? text = Environment.GetEnvironmentVariable(variable);
        return string.IsNullOrEmpty(text) ? null
            : double.TryParse(text, System.Globalization.CultureInfo.InvariantCulture, out double seconds)
                && seconds >= least && seconds < 1e6
                ? TimeSpan.FromSeconds(seconds)
                : throw new SkipwiseException(FormattableString.Invariant(
                    $"{variable}={text}: expected a number of seconds, from {least} to below 1000000. Leave it out for the default."));
    }

    /// <summary>A tensor's memory; of a tensor on another device, that of a copy.</summary>
    private sealed class HostMemory : IDisposable
    {
        private readonly TensorPointers _pointers = new();
        private readonly Tensor _tensor;
        private readonly Tensor? _copy;

        public unsafe HostMemory(Tensor tensor)
        {
            using IDisposable noGradient = no_grad();
            _tensor = tensor;
            _copy = tensor.device_type == DeviceType.CPU ? null : tensor.cpu().DetachFromDisposeScope();
            Address = (nint)_pointers.ToBytes(_copy ?? tensor);
        }

        public nint Address { get; }

        public void CopyBack()
        {
            using IDisposable noGradient = no_grad();
            if (_copy is not null)
            {
                _tensor.copy_(_copy);
            }
            Dispose();
        }

        public void Dispose()
        {
            _pointers.Dispose();
            _copy?.Dispose();
        }
    }
}
