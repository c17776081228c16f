using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Runtime;

/// <summary>This process's use of the computing device's memory, in bytes.</summary>
internal abstract class DeviceMemory
{
    public static DeviceMemory For(Device device) => device.type == DeviceType.CUDA ? new GpuMemory(device) : new HostMemory();

    /// <summary>Total memory, used or not.</summary>
    public abstract long Total { get; }

    /// <summary>Memory that nobody uses.</summary>
    public abstract long Free { get; }

    /// <summary>Frees unreferenced memory, as far as other processes can use it.</summary>
    public abstract void EmptyCache();

    /// <summary>Bytes of tensors.</summary>
    public abstract long Allocated();

    /// <summary>Peak memory above the current use.</summary>
    public abstract long PeakDuring(Action work);

    /// <summary>Bytes held from the system after everything possible was freed.</summary>
    public abstract long Reserved();

    private sealed class HostMemory : DeviceMemory
    {
        public override long Total => GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;

        public override long Free
        {
            get
            {
                EmptyCache(); // .NET reads the machine's load when it collects
                GCMemoryInfo memory = GC.GetGCMemoryInfo();
                return Math.Max(0, memory.TotalAvailableMemoryBytes - memory.MemoryLoadBytes);
            }
        }

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
    /// A GPU's memory as its driver counts it, other processes included. libtorch's statistics have no C entry point, but its caching
    /// allocator keeps what it has reserved, so the reserved memory after some work is the peak during the work.
    /// </summary>
    private sealed class GpuMemory(Device device) : DeviceMemory
    {
        private readonly CudaDriver _driver = new(device.index);

        public override long Total => _driver.Memory().Size;

        public override long Free => _driver.Memory().Free;

        /// <summary>The allocator empties its cache only if a request cannot be met.</summary>
        public override void EmptyCache()
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            try
            {
                empty([2 * Total], ScalarType.Byte, device).Dispose();
            }
            catch (ExternalException) { } // out of memory, as intended
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
