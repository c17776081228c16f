using System.Runtime.InteropServices;

namespace Skipwise.Runtime;

/// <summary>The CUDA driver functions that Skipwise calls: a stable C interface.</summary>
/// <remarks>
/// The driver's library has one name on every machine with a GPU. CUDA's runtime library (libcudart) has not: a libtorch brings its own,
/// by a name with a version or a hash in it, or has it linked in. Both count the same devices, contexts and streams.
/// </remarks>
internal sealed unsafe class CudaDriver
{
    private const int Success = 0, NotReady = 600, NonBlockingStream = 1, EventWithoutTime = 2, IdLength = 16;
    private static readonly string s_name = OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1";

    private readonly nint _library, _context;

    /// <param name="device">number of the device, as libtorch counts</param>
    /// <param name="library">the driver's library; null: the system's</param>
    public CudaDriver(int device, string? library = null)
    {
        _library = NativeLibrary.Load(library ?? s_name);
        int handle;
        nint context;
        Check(((delegate* unmanaged<int*, int, int>)Export("cuDeviceGet"))(&handle, device), "cuDeviceGet");
        // libtorch's context; retained as long as the process
        Check(((delegate* unmanaged<nint*, int, int>)Export("cuDevicePrimaryCtxRetain"))(&context, handle), "cuDevicePrimaryCtxRetain");
        _context = context;
    }

    /// <summary>The unique ids of the GPUs that this process sees, by number; none without a driver.</summary>
    public static string[] Gpus(string? library = null)
    {
        if (!NativeLibrary.TryLoad(library ?? s_name, out nint driver))
        {
            return [];
        }
        nint Function(string name) => NativeLibrary.GetExport(driver, name);
        int count = 0;
        _ = ((delegate* unmanaged<uint, int>)Function("cuInit"))(0); // without a GPU it fails, and the count too
        if (((delegate* unmanaged<int*, int>)Function("cuDeviceGetCount"))(&count) != Success)
        {
            return [];
        }
        var ids = new string[count];
        byte* id = stackalloc byte[IdLength];
        for (int i = 0; i < count; i++)
        {
            _ = ((delegate* unmanaged<byte*, int, int>)Function("cuDeviceGetUuid"))(id, i);
            ids[i] = Convert.ToHexStringLower(new ReadOnlySpan<byte>(id, IdLength));
        }
        return ids;
    }

    /// <summary>Makes the device's context that of this thread, until the result is disposed.</summary>
    public Context Enter()
    {
        Check(((delegate* unmanaged<nint, int>)Export("cuCtxPushCurrent_v2"))(_context), "cuCtxPushCurrent");
        return new Context(this);
    }

    /// <summary>Free and total memory in bytes, other processes' use included.</summary>
    /// <exception cref="SkipwiseException">the driver returns an error</exception>
    public (long Free, long Size) Memory()
    {
        nuint free, size;
        using Context context = Enter();
        Check(((delegate* unmanaged<nuint*, nuint*, int>)Export("cuMemGetInfo_v2"))(&free, &size), "cuMemGetInfo");
        return ((long)free, (long)size);
    }

    // The following need the context. Stream 0 is the one that libtorch computes on.

    /// <summary>A stream that does not wait for stream 0, nor stream 0 for it.</summary>
    public nint CreateStream()
    {
        nint stream;
        Check(((delegate* unmanaged<nint*, uint, int>)Export("cuStreamCreate"))(&stream, NonBlockingStream), "cuStreamCreate");
        return stream;
    }

    public void DestroyStream(nint stream) =>
        Check(((delegate* unmanaged<nint, int>)Export("cuStreamDestroy_v2"))(stream), "cuStreamDestroy");

    public nint CreateEvent()
    {
        nint created;
        Check(((delegate* unmanaged<nint*, uint, int>)Export("cuEventCreate"))(&created, EventWithoutTime), "cuEventCreate");
        return created;
    }

    public void DestroyEvent(nint created) =>
        Check(((delegate* unmanaged<nint, int>)Export("cuEventDestroy_v2"))(created), "cuEventDestroy");

    /// <summary>The event happens when all work that the stream has now is done.</summary>
    public void Record(nint created, nint stream) =>
        Check(((delegate* unmanaged<nint, nint, int>)Export("cuEventRecord"))(created, stream), "cuEventRecord");

    /// <summary>Work that the stream gets later begins after the event. The host does not wait.</summary>
    public void Wait(nint stream, nint recorded) =>
        Check(((delegate* unmanaged<nint, nint, uint, int>)Export("cuStreamWaitEvent"))(stream, recorded, 0), "cuStreamWaitEvent");

    /// <summary>Whether a recorded event has happened.</summary>
    public bool HasHappened(nint recorded)
    {
        int result = ((delegate* unmanaged<nint, int>)Export("cuEventQuery"))(recorded);
        if (result != NotReady)
        {
            Check(result, "cuEventQuery");
        }
        return result == Success;
    }

    private nint Export(string name) => NativeLibrary.GetExport(_library, name);

    private void Check(int result, string function)
    {
        if (result != Success)
        {
            byte* name = null;
            _ = ((delegate* unmanaged<int, byte**, int>)Export("cuGetErrorName"))(result, &name);
            throw new SkipwiseException(
                $"The GPU's driver fails in {function}: {(name is null ? $"error {result}" : Marshal.PtrToStringUTF8((nint)name))}.");
        }
    }

    /// <summary>The device's context on a thread.</summary>
    public readonly struct Context(CudaDriver driver) : IDisposable
    {
        public void Dispose()
        {
            nint ended;
            driver.Check(((delegate* unmanaged<nint*, int>)driver.Export("cuCtxPopCurrent_v2"))(&ended), "cuCtxPopCurrent");
        }
    }
}
