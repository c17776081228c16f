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
/// A memory-mapped file of tensors: they use the system's page cache without a copy. The mapping is private: changing a tensor copies its
/// page and leaves the file unchanged. The mapping lives until its last tensor is freed.
/// </summary>
internal sealed unsafe class MappedFile : IDisposable
{
    /// <summary>Alignment in bytes of malloc, and so of every other tensor. With another alignment, products of a single row can differ in
    /// the last bit, and training would depend on the file's layout.</summary>
    public const int Alignment = 16;

    // libtorch's deleter gets the address alone
    private static readonly ConcurrentDictionary<nint, SafeBuffer> s_mapped = new();
    private readonly SafeMemoryMappedViewHandle _view;

    private MappedFile(SafeMemoryMappedViewHandle view) => _view = view;

    /// <returns>
    /// null if the file must be read instead: on a network drive, whose interruption would crash the process during a computation; on
    /// Windows, where a mapped file cannot be replaced; with <c>SKIPWISE_MAP=0</c>
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
            return null; // the file system cannot map files
        }
    }

    /// <summary>Maps a tensor onto the entry's bytes, after reading all of them once.</summary>
    /// <param name="alignment">required alignment of its address, in addition to the element's size</param>
    /// <returns>null if it must be copied instead: it is empty, not aligned, or already mapped by another tensor</returns>
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

    // TorchSharp's native function behind its tensors over managed arrays
    [DllImport("LibTorchSharp")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.AssemblyDirectory | DllImportSearchPath.SafeDirectories)]
    private static extern nint THSTensor_new(nint memory, nint deleter, long* sizes, int dimensions, sbyte type, sbyte dtype,
        int deviceType, int deviceIndex, [MarshalAs(UnmanagedType.U1)] bool requiresGrad);
}
