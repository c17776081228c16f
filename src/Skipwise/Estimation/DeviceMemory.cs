using System.Runtime.InteropServices;
using Skipwise.Runtime;
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
    /// A GPU's memory by the driver's own count, other processes' share included: libtorch's statistics have no entry point that is not
    /// C++, but its allocator keeps what it has taken, so that what is taken after some work is the most that was taken while it went on.
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
}
