using System.Collections.Concurrent;
using System.IO.MemoryMappedFiles;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Checkpoints;

/// <summary>
/// A file in memory without a copy: tensors lie over the pages that the system keeps of it anyway. The mapping is private, so a tensor may be
/// changed (its page is copied then) and the file stays as it is. It lives until the last of its tensors is gone.
/// </summary>
internal sealed unsafe class MappedFile : IDisposable
{
    /// <summary>libtorch's own. Over numbers that lie otherwise some products round differently, and what a model computes would depend on its file's layout.</summary>
    public const int Alignment = 64;

    // libtorch gives a tensor's memory back by its address
    private static readonly ConcurrentDictionary<nint, SafeBuffer> s_lent = new();
    private readonly SafeMemoryMappedViewHandle _view;

    private MappedFile(SafeMemoryMappedViewHandle view) => _view = view;

    /// <returns>
    /// null where the file should be read instead: on a network drive, where an interruption would end the process in the middle of a product; on Windows,
    /// where a file cannot be replaced while it is mapped; where <c>SKIPWISE_MAP=0</c> says so
    /// </returns>
    public static MappedFile? Open(SafeFileHandle handle, string path)
    {
        if (OperatingSystem.IsWindows() || Environment.GetEnvironmentVariable("SKIPWISE_MAP") == "0")
        {
            return null;
        }
        try
        {
            if (new DriveInfo(Path.GetFullPath(path)).DriveType == DriveType.Network)
            {
                return null;
            }
            using var file = MemoryMappedFile.CreateFromFile(handle, null, 0, MemoryMappedFileAccess.CopyOnWrite, HandleInheritability.None, leaveOpen: true);
            return new MappedFile(file.CreateViewAccessor(0, 0, MemoryMappedFileAccess.CopyOnWrite).SafeMemoryMappedViewHandle);
        }
        catch (IOException)
        {
            return null; // a file system that cannot map
        }
    }

    /// <summary>A tensor over the entry's bytes, every one of which has been read.</summary>
    /// <returns>null where it must be copied instead: it is empty, not aligned, or already lent to another tensor</returns>
    /// <exception cref="SkipwiseException">the file is shorter than it was, or the disk fails</exception>
    public Tensor? Lend(TensorEntry entry, ScalarType type, string path)
    {
        if (entry.Length == 0 || entry.Offset % Alignment != 0)
        {
            return null;
        }
        byte* start = null;
        _view.AcquirePointer(ref start);
        byte* memory = start + entry.Offset;
        if (!s_lent.TryAdd((nint)memory, _view))
        {
            _view.ReleasePointer();
            return null;
        }
        if (entry.Offset + entry.Length > (long)_view.ByteLength || !Populate((nint)memory, (nint)entry.Length))
        {
            Release((nint)memory);
            throw new SkipwiseException($"{path}: tensor {entry.Name}: cannot be read: the file became shorter while it was being read, or the disk failed");
        }
        long[] shape = [.. entry.Shape];
        delegate* unmanaged[Cdecl]<nint, void> release = &Returned;
        fixed (long* sizes = shape)
        {
            return Tensor.UnsafeCreateTensor(THSTensor_new((nint)memory, (nint)release, sizes, shape.Length, (sbyte)type, (sbyte)type, (int)DeviceType.CPU, -1, false));
        }
    }

    public void Dispose() => _view.Dispose();

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Returned(nint memory) => Release(memory);

    private static void Release(nint memory)
    {
        if (s_lent.TryRemove(memory, out SafeBuffer? view))
        {
            view.ReleasePointer();
        }
    }

    /// <summary>Has every page in place: in one call instead of a page fault for each few, and with an error instead of a signal that ends the process.</summary>
    /// <returns>false if a page cannot be had</returns>
    private static bool Populate(nint memory, nint bytes)
    {
        if (!OperatingSystem.IsLinux())
        {
            return true;
        }
        const int populateRead = 22, badAddress = 14; // MADV_POPULATE_READ (Linux 5.14; older kernels refuse it with another error), EFAULT
        nint start = memory & -Environment.SystemPageSize; // whole pages only
        return madvise(start, memory + bytes - start, populateRead) == 0 || Marshal.GetLastPInvokeError() != badAddress;
    }

    [DllImport("libc", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int madvise(nint address, nint length, int advice);

    // TorchSharp's own way from memory to a tensor, which it offers for managed arrays only
    [DllImport("LibTorchSharp")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.AssemblyDirectory | DllImportSearchPath.SafeDirectories)]
    private static extern nint THSTensor_new(nint memory, nint deleter, long* sizes, int dimensions, sbyte type, sbyte dtype, int deviceType, int deviceIndex, [MarshalAs(UnmanagedType.U1)] bool requiresGrad);
}
