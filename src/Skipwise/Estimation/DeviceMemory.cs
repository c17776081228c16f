using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Estimation;

/// <summary>What this process takes of the memory that a device computes in, in bytes.</summary>
internal abstract class DeviceMemory
{
    public static DeviceMemory For(Device device) => device.type == DeviceType.CUDA ? new GpuMemory(device) : new HostMemory();

    /// <summary>All that there is, taken or not.</summary>
    public abstract long Total { get; }

    /// <summary>Frees what nobody holds any more, as far as others can take it.</summary>
    public abstract void EmptyCache();

    /// <summary>What tensors take.</summary>
    public abstract long Allocated();

    /// <summary>How far above what is held now the memory that is taken rises.</summary>
    public abstract long PeakDuring(Action work);

    /// <summary>What is taken from the system for good, now that all has been given back that can be.</summary>
    public abstract long Reserved();

    private sealed class HostMemory : DeviceMemory
    {
        public override long Total => GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;

        public override void EmptyCache() => ProcessMemory.Trim();

        public override long Allocated() => ProcessMemory.InUse();

        public override long PeakDuring(Action work) => ProcessMemory.PeakDuring(work);

        public override long Reserved()
        {
            EmptyCache();
            return ProcessMemory.Resident();
        }
    }

    /// <summary>
    /// A GPU's memory by the driver's own count, other processes' share included: libtorch's statistics have no entry point that is not C++, but its allocator keeps what
    /// it has taken, so that what is taken after some work is the most that was taken while it went on.
    /// </summary>
    private sealed class GpuMemory(Device device) : DeviceMemory
    {
        private readonly CudaDriver _driver = new(device.index);

        public override long Total => _driver.Memory().Size;

        /// <summary>The allocator returns what it keeps when a request cannot be met, and not otherwise.</summary>
        public override void EmptyCache()
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            try
            {
                empty([2 * Total], ScalarType.Byte, device).Dispose();
            }
            catch (ExternalException) { } // out of memory, as it was to be
        }

        public override long Allocated() => Reserved();

        public override long PeakDuring(Action work)
        {
            long before = Allocated();
            work();
            return Math.Max(0, InUse() - before);
        }

        public override long Reserved()
        {
            EmptyCache();
            return InUse();
        }

        private long InUse()
        {
            cuda.synchronize(device);
            (long free, long size) = _driver.Memory();
            return size - free;
        }
    }

    /// <summary>The little of CUDA's driver that is asked here: a C interface that keeps its names.</summary>
    private sealed unsafe class CudaDriver
    {
        private readonly nint _library = NativeLibrary.Load(OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1");
        private readonly nint _context;

        public CudaDriver(int device)
        {
            int handle;
            nint context;
            Check(((delegate* unmanaged<int*, int, int>)Export("cuDeviceGet"))(&handle, device));
            Check(((delegate* unmanaged<nint*, int, int>)Export("cuDevicePrimaryCtxRetain"))(&context, handle)); // libtorch's; kept as long as the process
            _context = context;
        }

        public (long Free, long Size) Memory()
        {
            nuint free, size;
            nint before;
            Check(((delegate* unmanaged<nint, int>)Export("cuCtxPushCurrent_v2"))(_context));
            int result = ((delegate* unmanaged<nuint*, nuint*, int>)Export("cuMemGetInfo_v2"))(&free, &size);
            Check(((delegate* unmanaged<nint*, int>)Export("cuCtxPopCurrent_v2"))(&before));
            Check(result);
            return ((long)free, (long)size);
        }

        private nint Export(string name) => NativeLibrary.GetExport(_library, name);

        private static void Check(int result)
        {
            if (result != 0)
            {
                throw new SkipwiseException($"The GPU does not tell its memory: its driver answered with error {result}.");
            }
        }
    }
}
