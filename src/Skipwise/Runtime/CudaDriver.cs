using System.Runtime.InteropServices;

namespace Skipwise.Runtime;

/// <summary>The CUDA driver functions that Skipwise calls: a stable C interface.</summary>
internal sealed unsafe class CudaDriver
{
    private readonly nint _library = NativeLibrary.Load(OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1");
    private readonly nint _context;

    public CudaDriver(int device)
    {
        int handle;
        nint context;
        Check(((delegate* unmanaged<int*, int, int>)Export("cuDeviceGet"))(&handle, device));
        // libtorch's context; retained as long as the process
        Check(((delegate* unmanaged<nint*, int, int>)Export("cuDevicePrimaryCtxRetain"))(&context, handle));
        _context = context;
    }

    /// <summary>Free and total memory in bytes, other processes' use included.</summary>
    /// <exception cref="SkipwiseException">the driver returns an error</exception>
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
            throw new SkipwiseException($"The GPU driver does not report its memory: error {result}.");
        }
    }
}
