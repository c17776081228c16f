using System.Collections.Concurrent;
using System.IO.MemoryMappedFiles;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Skipwise.Storage;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Checkpoints.Formats;

/// <summary>
/// A file in memory without a copy: tensors lie over the pages that the system keeps of it anyway. The mapping is private, so a tensor may
/// be changed (its page is copied then) and the file stays as it is. It lives until the last of its tensors is gone.
/// </summary>
internal sealed unsafe class MappedFile : IDisposable
{
    /// <summary>malloc's, and so every tensor's. Over numbers that lie otherwise products of one row round differently in the last bit:
    /// training would depend on its file's layout.</summary>
    public const int Alignment = 16;

    // libtorch gives a tensor's memory back by its address
    private static readonly ConcurrentDictionary<nint, SafeBuffer> s_mapped = new();
    private readonly SafeMemoryMappedViewHandle _view;

    private MappedFile(SafeMemoryMappedViewHandle view) => _view = view;

    /// <returns>
    /// null where the file should be read instead: on a network drive, where an interruption would end the process in the middle of a
    /// product; on Windows, where a file cannot be replaced while it is mapped; where <c>SKIPWISE_MAP=0</c> says so
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
            using var file =
                MemoryMappedFile.CreateFromFile(handle, null, 0, MemoryMappedFileAccess.CopyOnWrite, HandleInheritability.None,
                    leaveOpen: true);
            return new MappedFile(file.CreateViewAccessor(0, 0, MemoryMappedFileAccess.CopyOnWrite).SafeMemoryMappedViewHandle);
        }
        catch (IOException)
        {
            return null; // a file system that cannot map
        }
    }

    /// <summary>A tensor over the entry's bytes, every one of which has been read.</summary>
    /// <param name="alignment">what its address has to be a multiple of, besides the size of an element</param>
    /// <returns>null where it must be copied instead: it is empty, not aligned, or already lent to another tensor</returns>
    /// <exception cref="SkipwiseException">the file is shorter than it was, or the disk fails</exception>
    public Tensor? MapTensor(TensorEntry entry, ScalarType type, int alignment, string path)
    {
        if (entry.Length == 0 || entry.Offset % Math.Max(alignment, entry.Type.Size) != 0)
        {
            return null;
        }
        byte* start = null;
        _view.AcquirePointer(ref start);
        byte* memory = start + entry.Offset;
        if (!s_mapped.TryAdd((nint)memory, _view))
        {
            _view.ReleasePointer();
            return null;
        }
        if (entry.Offset + entry.Length > (long)_view.ByteLength || !MemoryPages.TryPopulateForRead(memory, entry.Length))
        {
            Release((nint)memory);
            throw new SkipwiseException(
                $"{path}: tensor {entry.Name}: cannot be read: the file became shorter while it was being read, or the disk failed");
        }
        long[] shape = [.. entry.Shape];
        delegate* unmanaged[Cdecl]<nint, void> release = &Returned;
        fixed (long* sizes = shape)
        {
            return Tensor.UnsafeCreateTensor(
                THSTensor_new((nint)memory, (nint)release, sizes, shape.Length, (sbyte)type, (sbyte)type, (int)DeviceType.CPU, -1, false));
        }
    }

    public void Dispose() => _view.Dispose();

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Returned(nint memory) => Release(memory);

    private static void Release(nint memory)
    {
        if (s_mapped.TryRemove(memory, out SafeBuffer? view))
        {
            view.ReleasePointer();
        }
    }

    // TorchSharp's own way from memory to a tensor, which it offers for managed arrays only
    [DllImport("LibTorchSharp")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.AssemblyDirectory | DllImportSearchPath.SafeDirectories)]
    private static extern nint THSTensor_new(nint memory, nint deleter, long* sizes, int dimensions, sbyte type, sbyte dtype,
        int deviceType, int deviceIndex, [MarshalAs(UnmanagedType.U1)] bool requiresGrad);
}
