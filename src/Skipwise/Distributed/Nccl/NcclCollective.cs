using Skipwise.Distributed.Mpi;
using Skipwise.Kernels;
using Skipwise.Runtime;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Distributed.Nccl;

/// <summary>
/// Collective operations on a GPU for each rank. NCCL moves tensors of the device, 16-bit numbers included. Another collective, that of
/// the launcher, moves those of the host. Where the launcher has none (torchrun), NCCL moves them too, by way of the device.
/// </summary>
/// <remarks>
/// An operation runs beside what libtorch computes. <see cref="ICollectiveHandle.Wait"/> on tensors of the device does not stop the host:
/// what libtorch computes next begins after the operation. So a failure may be thrown by a later operation.
/// </remarks>
internal sealed class NcclCollective : ICollective
{
    private readonly NcclLibrary _library;
    private readonly NcclCommunicator _nccl;
    private readonly ICollective? _control;
    private readonly RankPlace _place;
    private readonly Func<Tensor, bool> _isOnDevice;
    private readonly Tensor? _token;

    /// <param name="control">moves host tensors; null: NCCL does. Is disposed with this</param>
    /// <param name="isOnDevice">whether a tensor is one of the device; null: as it says itself</param>
    internal NcclCollective(
        NcclLibrary library, CudaDriver cuda, Device device, RankPlace place, NcclLibrary.UniqueId id, TimeSpan patience,
        ICollective? control = null, Func<Tensor, bool>? isOnDevice = null)
    {
        (_library, _control, _place, Device) = (library, control, place, device);
        _isOnDevice = isOnDevice ?? (static tensor => tensor.device_type == DeviceType.CUDA);
        _nccl = new NcclCommunicator(library, cuda, id, place.Rank, place.Size, patience, () => control?.Failure);
        _token = control is null ? zeros(1, device: device).DetachFromDisposeScope() : null;
    }

    /// <summary>A call of NCCL on two addresses.</summary>
    private delegate int Call(nint from, nint to, nint communicator, nint stream);

    /// <inheritdoc/>
    public int Rank => _place.Rank;

    /// <inheritdoc/>
    public int Size => _place.Size;

    /// <inheritdoc/>
    public int LocalRank => _place.LocalRank;

    /// <inheritdoc/>
    public int LocalSize => _place.LocalSize;

    /// <summary>The GPU of this rank.</summary>
    public Device Device { get; }

    /// <inheritdoc/>
    public string Description => $"NCCL {_library.Version}{(_control is null ? "" : $", host tensors by {_control.Description}")}";

    Exception? ICollective.Failure => _nccl.Failure;

    /// <summary>Gives each rank of a collective a GPU. The collective goes on to move host tensors.</summary>
    /// <param name="control">that of the launcher; is disposed with the result</param>
    /// <exception cref="SkipwiseException">no NCCL, or more ranks than GPUs</exception>
    public static NcclCollective Join(ICollective control)
    {
        int device = VisibleGpus.OfRank(control.Rank, control.AllGather(OwnGpus()));
        NcclLibrary library = NcclLibrary.Load();
        return Join(library, new CudaDriver(device), new Device(DeviceType.CUDA, device), control);
    }

    /// <summary>Joins the processes that torchrun started.</summary>
    /// <exception cref="SkipwiseException">no NCCL, or more ranks than GPUs; or no GPU: names the launchers that do without</exception>
    public static NcclCollective Join(Launcher launcher)
    {
        Torchrun torchrun = Torchrun.Read(Environment.GetEnvironmentVariable);
        VisibleGpus gpus = OwnGpus();
        if (gpus.Ids.Length == 0)
        {
            throw NeedsGpu(launcher);
        }
        int device = gpus.Ids.Length == 1
            ? 0 // the launcher shows each rank its own; if not, NCCL says so
            : VisibleGpus.OfRank(torchrun.Place.LocalRank, [.. Enumerable.Repeat(gpus, torchrun.Place.LocalSize)]);
        NcclLibrary library = NcclLibrary.Load();
        _ = ProcessEnvironment.SetDefault(Torchrun.AddressVariable, torchrun.Address);
        return new(library, new CudaDriver(device), new Device(DeviceType.CUDA, device), torchrun.Place, library.CreateId(),
            MpiCollective.PatienceOfEnvironment());
    }

    /// <summary>What to say if a rank of torchrun computes on the CPU.</summary>
    public static SkipwiseException NeedsGpu(Launcher launcher) => new(
        $"{launcher.Name} started {launcher.Size} processes that compute on the CPU. It comes with no library that moves host tensors: "
        + "start them with mpirun or srun instead, or let them see a GPU each.");

    /// <summary>The same with a given library and device, in tests.</summary>
    internal static NcclCollective Join(
        NcclLibrary library, CudaDriver cuda, Device device, ICollective control, TimeSpan? patience = null,
        Func<Tensor, bool>? isOnDevice = null)
    {
        byte[] bytes = control.Rank == 0 ? library.CreateId().ToArray() : new byte[NcclLibrary.UniqueId.Length];
        using Tensor id = tensor(bytes, dtype: ScalarType.Byte, device: CPU);
        control.Broadcast(id);
        return new(library, cuda, device, RankPlace.Of(control), new NcclLibrary.UniqueId(id.data<byte>().ToArray()),
            patience ?? MpiCollective.PatienceOfEnvironment(), control, isOnDevice);
    }

    /// <inheritdoc/>
    public ICollectiveHandle BroadcastAsync(Tensor tensor, int root = 0) => ControlOf(tensor)?.BroadcastAsync(tensor, root)
        ?? Begin("broadcast", tensor, tensor, (from, to, communicator, stream) =>
            _library.Broadcast(from, to, BytesOf(tensor), root, communicator, stream));

    /// <inheritdoc/>
    public ICollectiveHandle AllReduceAsync(Tensor tensor)
    {
        NcclType type = TypeOf(tensor);
        return ControlOf(tensor)?.AllReduceAsync(tensor)
            ?? Begin("all-reduce", tensor, tensor, (from, to, communicator, stream) =>
                _library.AllReduce(from, to, tensor.numel(), type, communicator, stream));
    }

    /// <inheritdoc/>
    public ICollectiveHandle ReduceScatterAsync(Tensor input, Tensor output)
    {
        NcclType type = TypeOf(output);
        this.RequireParts(output, input);
        return ControlOf(output)?.ReduceScatterAsync(input, output)
            ?? Begin("reduce-scatter", input, output, (from, to, communicator, stream) =>
                _library.ReduceScatter(from, to, output.numel(), type, communicator, stream));
    }

    /// <inheritdoc/>
    public ICollectiveHandle AllGatherAsync(Tensor input, Tensor output)
    {
        this.RequireParts(input, output);
        return ControlOf(output)?.AllGatherAsync(input, output)
            ?? Begin("all-gather", input, output, (from, to, communicator, stream) =>
                _library.AllGather(from, to, BytesOf(input), communicator, stream));
    }

    /// <inheritdoc/>
    public ICollectiveHandle BarrierAsync()
    {
        _nccl.RequireNoFailure();
        return _token is null ? _control!.BarrierAsync() : Begin("barrier", _token, _token, (from, to, communicator, stream) =>
            _library.AllReduce(from, to, 1, NcclType.Float32, communicator, stream), isForHost: true);
    }

    /// <inheritdoc/>
    public void Abort(int exitCode)
    {
        if (_control is null)
        {
            _nccl.Fail("abort", "the job was ended"); // torchrun ends the other processes
        }
        (_control ?? SingleProcess.Instance).Abort(exitCode);
    }

    /// <summary>Ends NCCL, and the collective of the host tensors, once all ranks do.</summary>
    public void Dispose()
    {
        _nccl.Dispose();
        _token?.Dispose();
        _control?.Dispose();
    }

    private static VisibleGpus OwnGpus() => new(Environment.MachineName, CudaDriver.Gpus());

    private static long BytesOf(Tensor tensor) => tensor.numel() * tensor.element_size();

    private static NcclType TypeOf(Tensor tensor) => tensor.dtype switch
    {
        ScalarType.Float32 => NcclType.Float32,
        ScalarType.Float64 => NcclType.Float64,
        ScalarType.Int64 => NcclType.Int64,
        ScalarType.BFloat16 => NcclType.BFloat16,
        ScalarType.Float16 => NcclType.Float16,
        _ => throw new ArgumentException($"NCCL adds up float32, float64, int64, bfloat16 and float16 here, not {tensor.dtype}",
            nameof(tensor)),
    };

    /// <summary>The collective of the host, if the result is the host's.</summary>
    private ICollective? ControlOf(Tensor output)
    {
        _nccl.RequireNoFailure();
        return _isOnDevice(output) ? null : _control;
    }

    private NcclOperation Begin(string name, Tensor input, Tensor output, Call call, bool isForHost = false)
    {
        using IDisposable noGradient = no_grad();
        var (memory, copies) = (new TensorPointers(), new List<Tensor>());
        Tensor OnDevice(Tensor tensor)
        {
            if (_isOnDevice(tensor))
            {
                return tensor;
            }
            copies.Add(tensor.to(Device, copy: true).DetachFromDisposeScope());
            return copies[^1];
        }
        Tensor to = OnDevice(output);
        (nint target, nint source) = (memory.Address(to), memory.Address(ReferenceEquals(input, output) ? to : OnDevice(input)));
        bool isStaged = !ReferenceEquals(to, output);
        return _nccl.Begin(name, (communicator, stream) => call(source, target, communicator, stream), isForHost || isStaged, () =>
        {
            using IDisposable noGradient = no_grad();
            if (isStaged)
            {
                output.copy_(to);
            }
            memory.Dispose();
            copies.ForEach(copy => copy.Dispose());
        });
    }
}
